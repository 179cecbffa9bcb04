"""The verbs that measure models: `evaluate`, `compare` and `benchmark`."""

from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import (
    STUDENT,
    JsonOption,
    LooksAt,
    ScoredOption,
    Source,
    quiet_tensorflow,
    with_people,
    write_json,
)
from fpd_tf.cli.tables import print_benchmark, print_compared, print_evaluation
from fpd_tf.shipped import model_file

app = typer.Typer()


@app.command(
    epilog="Example: fpd evaluate --model student.tflite --data lsp --root lspet"
)
@with_people
def evaluate(
    model: Annotated[Path, typer.Option(help=f"A .keras or .tflite file, {STUDENT}.")],
    people: Source,
    split: ScoredOption = None,
    flip_test: Annotated[
        bool, typer.Option("--flip-test", help="Average with the mirrored crop.")
    ] = False,
    multi_scale: Annotated[
        bool, typer.Option("--multi-scale", help="Average over the paper's six scales.")
    ] = False,
    json_file: JsonOption = None,
):
    """Score a model on annotated photographs."""
    with quiet_tensorflow():
        from fpd_tf.evaluation.evaluate import PAPER_SCALES
        from fpd_tf.evaluation.evaluate import evaluate as run
    model = model_file(model)
    evaluation = run(
        model,
        people.load(split),
        flip_test=flip_test,
        scales=PAPER_SCALES if multi_scale else (1.0,),
    )
    print_evaluation(model.name, evaluation.as_dict())
    write_json(json_file, {"model": str(model), **evaluation.as_dict()})


@app.command(
    epilog="Example: fpd compare student.tflite movenet-lightning.tflite --data lsp "
    "--root lspet --plot compared.png"
)
@with_people
def compare(
    models: Annotated[
        list[Path],
        typer.Argument(help=f"A .keras or .tflite file, such as MoveNet, {STUDENT}."),
    ],
    people: Source,
    split: ScoredOption = None,
    views: Annotated[
        LooksAt | None,
        typer.Option(
            "--views",
            help="Show each file several views of a person, as a teacher is: the "
            "upright crop; also its mirror image; or also rotations (turned).",
        ),
    ] = None,
    vote: Annotated[
        bool,
        typer.Option("--vote", help="With --views, also score the vote of all files."),
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option("--plot", help="Plot score against ms and MB to this .png."),
    ] = None,
    json_file: JsonOption = None,
):
    """Compare score, time and size of models, on the joints they have in common."""
    with quiet_tensorflow():
        from fpd_tf.evaluation.compare import compare as run
        from fpd_tf.evaluation.plots import plot_variants
    how = {"views": views and views.value, "vote": vote}
    comparison = run(models, people.load(split), **how)
    print_compared(comparison)
    write_json(json_file, comparison.as_dict())
    if picture:
        points = {
            each.name: (each.score, each.milliseconds, each.size / 1e6)
            for each in comparison.files
        }
        plot_variants(points, comparison.metric, picture)


@app.command(
    epilog="Example: fpd benchmark student.tflite student.int8.tflite --json times.json"
)
def benchmark(
    models: Annotated[list[Path], typer.Argument(help=f"A .tflite file, {STUDENT}.")],
    rounds: Annotated[int, typer.Option(help="Rounds over all files.")] = 5,
    runs: Annotated[int, typer.Option(help="Runs of a file in each round.")] = 20,
    json_file: JsonOption = None,
):
    """Time .tflite files in turn; speedups are relative to the first."""
    with quiet_tensorflow():
        from fpd_tf.export.benchmark import benchmark as run
    results = run(models, rounds=rounds, runs=runs)
    print_benchmark(results, rounds * runs)
    write_json(json_file, [result.as_dict() for result in results])
