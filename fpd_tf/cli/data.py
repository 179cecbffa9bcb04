"""The verbs on annotated people: `synthesize`, `pack`, `data` and `look`."""

from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import (
    STUDENT,
    JsonOption,
    LooksAt,
    OutOption,
    Source,
    SplitOption,
    quiet_tensorflow,
    with_people,
    write_json,
)
from fpd_tf.cli.tables import print_disputed, print_facts
from fpd_tf.errors import InputError
from fpd_tf.files import check_file, check_new

app = typer.Typer()


@app.command(epilog="Example: fpd synthesize --out people --count 1000")
def synthesize(
    out: OutOption,
    layout: Annotated[str, typer.Option(help="mpii, lsp or lspet.")] = "mpii",
    count: Annotated[int, typer.Option(help="Number of people.")] = 1000,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
):
    """Write a synthetic data set (drawn people) in the MPII or LSP layout."""
    from fpd_tf.drawn.layouts import synthesize as draw

    print(draw(out, layout, count=count, seed=seed))


@app.command(epilog="Example: fpd pack --data lsp --root lspet --out packed")
@with_people
def pack(
    out: Annotated[Path, typer.Option("--out", help="Folder of packed splits.")],
    people: Source,
    split: SplitOption = "train",
):
    """Cut people out of their photographs, uncompressed, to train faster from them."""
    with quiet_tensorflow():
        from fpd_tf.data.packed import pack as write
    check_new(out / split)
    samples = people.load(split)
    folder = write(samples, out / split)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{folder}: {len(samples)} people, {size:.1f} MB")


@app.command(epilog="Example: fpd data --data lsp --root lspet --out people.json")
@with_people
def data(
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    people: Source,
    split: SplitOption = "train",
):
    """Convert annotations of any format to COCO keypoints json."""
    from fpd_tf.data.coco_write import images_folder, write_coco

    check_file(out)
    found = people.load(split)
    path, folder = write_coco(found, out), images_folder(found)
    print(
        f"{path}: {len(found)} people; read with --annotations {path} --images {folder}"
    )


@app.command(epilog="Example: fpd look --data lsp --root lspet --out sheet.html")
@with_people
def look(
    out: Annotated[
        Path, typer.Option("--out", help="A .html page, or a .png of the crops alone.")
    ],
    people: Source,
    split: SplitOption = "train",
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            help="Show the people whose labels disagree with this .keras or .tflite, "
            f"{STUDENT}, where it is confident; several teachers vote."
        ),
    ] = None,
    views: Annotated[
        LooksAt | None,
        typer.Option(
            help="Views that the teacher gets: the upright crop; also its mirror "
            "image; or also rotations (turned, the default)."
        ),
    ] = None,
    json_file: JsonOption = None,
):
    """Write a page of annotated people: crops, counts, sizes, suspicious labels."""
    from fpd_tf.inference.contact_sheet import contact_sheet
    from fpd_tf.inference.sheet import check_sheet

    check_sheet(out)
    if teacher:
        facts = _held_against(people.load(split), teacher, views or "turned", out)
    elif views:
        raise InputError.plain("--views", "", "needs --teacher")
    else:
        facts = contact_sheet(people.load(split), out)
        print_facts(out, facts)
    write_json(json_file, facts.as_dict())


def _held_against(people, teachers, views, out):
    """The sheet of labels that disagree with teachers; predictions kept beside it."""
    from fpd_tf.inference.sheet import check_sheet
    from fpd_tf.inference.teacher_sheet import teacher_sheet

    check_sheet(out, people)
    with quiet_tensorflow():
        from fpd_tf.training.joint_teacher import JointTeacher
        from fpd_tf.training.run import CACHE

    teacher = JointTeacher(tuple(teachers), str(views))
    teacher.check(people.joint_set)
    facts = teacher_sheet(people, *teacher.own_joints(people, out.parent / CACHE), out)
    print_disputed(out, facts)
    return facts
