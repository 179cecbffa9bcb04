"""The verbs that train: `train` on ground truth, `distill` with a teacher too."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import (
    STUDENT,
    LooksAt,
    OutOption,
    Source,
    SplitOption,
    quiet_tensorflow,
    with_people,
)
from fpd_tf.cli.tables import print_evaluation, print_last_epoch

app = typer.Typer()

RecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe",
        help="Training settings: paper_mpii, paper_lsp, reference, light, finetune or "
        "demo.",
    ),
]
PresetOption = Annotated[
    str | None, typer.Option("--preset", help="Network to train (see fpd models).")
]
StartOption = Annotated[
    str | None,
    typer.Option(
        "--start-from",
        help="Initial weights: a .keras file, or a shipped student such as pose-small; "
        "layers and joints are matched by name.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change a setting: field=value, as in data.sigma=1.5; config.json of a "
        "run lists all.",
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Continue the run in --out.")
]


ViewsOption = Annotated[
    LooksAt | None,
    typer.Option(
        "--views",
        help="Compute the teacher's predictions once, before training, on the upright "
        "crop; also on its mirror image; or also on rotations (turned, the default of "
        "a .tflite).",
    ),
]
DevicesOption = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        help="GPUs to split each batch over (virtual CPU devices if there are none); "
        "with TF_CONFIG, for each machine.",
    ),
]


@app.command(
    epilog="Example: fpd train --data lsp --root lspet --recipe light --out runs/big"
)
@with_people
def train(
    people: Source,
    out: OutOption,
    split: SplitOption = "train",
    recipe: RecipeOption = "paper_mpii",
    preset: PresetOption = None,
    start_from: StartOption = None,
    settings: SetOption = None,
    resume: ResumeOption = False,
    devices: DevicesOption = 1,
):
    """Train a network on ground truth."""
    config = _config(recipe, preset, start_from, settings)
    _run(people, split, out, config, resume=resume, devices=devices)


@app.command(
    epilog="Example: fpd distill --teacher runs/teacher/student.keras --data lsp "
    "--root lspet --recipe light --out runs/student"
)
@with_people
def distill(
    people: Source,
    out: OutOption,
    teacher: Annotated[
        list[Path],
        typer.Option(
            help=f"A trained .keras file, a .tflite such as MoveNet, {STUDENT}; "
            "several teachers vote."
        ),
    ],
    views: ViewsOption = None,
    unlabelled: Annotated[
        Path | None,
        typer.Option(
            help="Photographs without labels, learned from the teacher only: a COCO "
            "json with boxes, or a folder, in which the first teacher finds people."
        ),
    ] = None,
    split: SplitOption = "train",
    recipe: RecipeOption = "paper_mpii",
    preset: PresetOption = None,
    start_from: StartOption = None,
    settings: SetOption = None,
    resume: ResumeOption = False,
    devices: DevicesOption = 1,
):
    """Train a student on ground truth and a teacher's predictions."""
    config = _config(recipe, preset, start_from, settings)
    how = {"teacher": teacher, "views": views and views.value}
    how |= {"resume": resume, "devices": devices}
    _run(people, split, out, config, unlabelled, **how)


def _config(recipe, preset, start_from, settings):
    with quiet_tensorflow():
        from fpd_tf.training.recipes import configure

    chosen = {"preset": preset, "start_from": start_from}
    chosen = [f"{name}={value}" for name, value in chosen.items() if value]
    return configure(recipe, [*chosen, *(settings or ())])


def _run(source, split, out, config, unlabelled=None, **how):
    from fpd_tf.training.checkpoint import read_history
    from fpd_tf.training.devices import this_machine
    from fpd_tf.training.run import train
    from fpd_tf.training.run_folder import check_run_folder

    is_chief = this_machine().index == 0
    if is_chief:
        check_run_folder(out, how["resume"])
    people, validation = source.load(split), source.held_out()
    how |= {"validation": validation, "command": sys.argv}
    if unlabelled:
        joint_set, teacher = people.joint_set, how["teacher"][0]
        how["unlabelled"] = _load(unlabelled, joint_set, teacher, source.on_error)
    train(people, out, config, **how)
    if not is_chief:
        return  # the first machine writes and prints it
    print_last_epoch(out, read_history(out)[-1])
    if validation is not None:
        print_evaluation(out.name, json.loads((out / "scores.json").read_text()))


def _load(path, joint_set, teacher, on_error):
    """People without labels, photographs checked."""
    from fpd_tf.data.images import check_images
    from fpd_tf.data.unlabelled import load_unlabelled
    from fpd_tf.inference.boxes import box_finder

    find = box_finder(teacher) if path.is_dir() else None
    people = load_unlabelled(path, joint_set, find, on_error=on_error)
    return check_images(people, on_error)
