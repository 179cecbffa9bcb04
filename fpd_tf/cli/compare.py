"""The verb `compare`: networks of any kind on one's own photographs."""

from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import (
    JsonOption,
    ScoredOption,
    Source,
    quiet_tensorflow,
    with_people,
    write_json,
)
from fpd_tf.cli.tables import print_compared

app = typer.Typer()


@app.command(
    epilog="Example: fpd compare student.tflite movenet-lightning.tflite --data lsp "
    "--root lspet --plot compared.png"
)
@with_people
def compare(
    models: Annotated[
        list[Path],
        typer.Argument(help=".keras and .tflite files, MoveNet's among them."),
    ],
    people: Source,
    split: ScoredOption = None,
    picture: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw score against ms and MB here, a .png."),
    ] = None,
    json_file: JsonOption = None,
):
    """Score, time and weigh models over the joints that all of them have."""
    with quiet_tensorflow():
        from fpd_tf.evaluation.compare import compare as run
        from fpd_tf.evaluation.plots import plot_variants
    comparison = run(models, people.load(split))
    print_compared(comparison)
    write_json(json_file, comparison.as_dict())
    if picture:
        points = {
            each.name: (each.score, each.milliseconds, each.size / 1e6)
            for each in comparison.files
        }
        plot_variants(points, comparison.metric, picture)
