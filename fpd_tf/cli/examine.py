"""The verbs `audit`, `ranges` and `variants`."""

from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.bundle import check_folder
from fpd_tf.cli.export import (
    FewPeopleOption,
    audit_file,
    draw_ranges,
    write_variants,
)
from fpd_tf.cli.options import (
    STUDENT,
    JsonOption,
    OutOption,
    Source,
    SplitOption,
    with_people,
)
from fpd_tf.files import check_new

app = typer.Typer()

ModelOption = Annotated[Path, typer.Option(help=f"A trained .keras file, {STUDENT}.")]


@app.command(epilog="Example: fpd audit student.int8.tflite")
def audit(
    file: Annotated[
        Path,
        typer.Argument(help=f"A .tflite file, {STUDENT}; or the folder of a bundle."),
    ],
    json_file: JsonOption = None,
):
    """List operators and compatible runtimes of a .tflite; verify a bundle."""
    if file.is_dir():
        return check_folder(file, json_file)
    return audit_file(file, json_file)


@app.command(
    epilog="Example: fpd ranges --model student.keras --data lsp --root lspet --out "
    "ranges.png"
)
@with_people
def ranges(
    people: Source,
    model: ModelOption,
    picture: Annotated[Path, typer.Option("--out", help="The plot to write, a .png.")],
    split: SplitOption = "train",
    few_people: FewPeopleOption = False,
    json_file: JsonOption = None,
):
    """Plot the range of each tensor of a network on photographs."""
    draw_ranges(model, picture, people.load(split), json_file, few_people)


@app.command(
    epilog="Example: fpd variants --model student.keras --data lsp --root lspet --out "
    "variants"
)
@with_people
def variants(
    people: Source,
    model: ModelOption,
    out: OutOption,
    split: SplitOption = "train",
    few_people: FewPeopleOption = False,
    json_file: JsonOption = None,
):
    """Export with every quantization scheme; compare scores, times and sizes."""
    check_new(out)
    samples, held_out = people.load(split), people.held_out_for("fpd variants")
    write_variants(model, out, samples, held_out, json_file, few_people)
