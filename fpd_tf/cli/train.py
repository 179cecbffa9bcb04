"""The verbs that train: `train` on ground truth, `distill` under a teacher too."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import (
    Data,
    DataOption,
    OnError,
    OnErrorOption,
    OutOption,
    RootOption,
    Source,
    SplitOption,
    quiet_tensorflow,
    write_json,
)
from fpd_tf.cli.tables import print_evaluation, print_last_epoch

app = typer.Typer()

ValidationOption = Annotated[
    str, typer.Option("--validation", help="Split scored after each epoch, or none.")
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", help="Settings to start from: a name in RECIPES.")
]
PresetOption = Annotated[
    str | None, typer.Option("--preset", help="Network to train (see fpd models).")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="field=value of the recipe, such as data.sigma=1.5."),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in --out.")
]
DevicesOption = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        help="GPUs (virtual CPU devices where there is none) that share each batch; "
        "under TF_CONFIG, of each machine.",
    ),
]


@app.command(
    epilog="Example: fpd train --data lsp --root lspet --recipe light --out runs/big"
)
def train(
    out: OutOption,
    data: DataOption = Data.mpii,
    root: RootOption = None,
    split: SplitOption = "train",
    validation: ValidationOption = "val",
    recipe: RecipeOption = "paper_mpii",
    preset: PresetOption = None,
    settings: SetOption = None,
    resume: ResumeOption = False,
    devices: DevicesOption = 1,
    on_error: OnErrorOption = OnError.stop,
):
    """Train a network on ground truth alone."""
    with quiet_tensorflow():
        from fpd_tf.training.run import train as run
    config = _config(recipe, preset, settings)
    how = {"config": config, "resume": resume, "devices": devices}
    _run(partial(run, **how), out, Source(data, root, on_error), split, validation)


@app.command(
    epilog="Example: fpd distill --teacher runs/teacher/student.keras --data lsp "
    "--root lspet --recipe light --out runs/student"
)
def distill(
    out: OutOption,
    teacher: Annotated[Path, typer.Option(help="The trained teacher's .keras file.")],
    data: DataOption = Data.mpii,
    root: RootOption = None,
    split: SplitOption = "train",
    validation: ValidationOption = "val",
    recipe: RecipeOption = "paper_mpii",
    preset: PresetOption = None,
    settings: SetOption = None,
    resume: ResumeOption = False,
    devices: DevicesOption = 1,
    on_error: OnErrorOption = OnError.stop,
):
    """Train a student on ground truth and a teacher's heatmaps."""
    with quiet_tensorflow():
        from fpd_tf.training.run import distill as run
    config = _config(recipe, preset, settings)
    how = {"config": config, "resume": resume, "devices": devices, "teacher": teacher}
    _run(partial(run, **how), out, Source(data, root, on_error), split, validation)


def _config(recipe, preset, settings):
    from fpd_tf.training.recipes import configure

    chosen = [f"preset={preset}"] if preset else []
    return configure(recipe, chosen + (settings or []))


def _run(training, out, people, split, validation):
    from fpd_tf.evaluation.evaluate import scorer

    samples = people.load(split)
    held_out = None if validation == "none" else people.load(validation)
    training(samples, out, score=scorer(held_out) if held_out else None)
    _finish(out, held_out)


def _finish(folder, held_out):
    """Adds curves.png and scores.json to a run folder, and prints its last epoch."""
    from fpd_tf.evaluation.evaluate import evaluate
    from fpd_tf.evaluation.plots import plot_history
    from fpd_tf.training.checkpoint import read_history
    from fpd_tf.training.devices import this_machine

    if this_machine().index:
        return  # the first machine's folder, and its word
    history = read_history(folder)
    plot_history(history, folder / "curves.png")
    print_last_epoch(folder, history[-1])
    if held_out:
        evaluation = evaluate(folder / "student.keras", held_out)
        write_json(folder / "scores.json", evaluation.as_dict())
        print_evaluation(folder.name, evaluation)
