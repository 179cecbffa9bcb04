"""The verbs that make data: `synthesize` draws, `pack` cuts out, `data` converts."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import (
    OutOption,
    Source,
    SplitOption,
    quiet_tensorflow,
    with_people,
)

app = typer.Typer()


@app.command(epilog="Example: fpd synthesize --out people --count 1000")
def synthesize(
    out: OutOption,
    layout: Annotated[str, typer.Option(help="mpii, lsp or lspet.")] = "mpii",
    count: Annotated[int, typer.Option(help="Number of people.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
):
    """Draw people and write them in the MPII or LSP layout."""
    from fpd_tf.drawn.layouts import synthesize as draw

    print(draw(out, layout, count=count, seed=seed))


@app.command(epilog="Example: fpd pack --data lsp --root lspet --out packed")
@with_people
def pack(
    out: Annotated[Path, typer.Option("--out", help="Folder of packed splits.")],
    people: Source,
    split: SplitOption = "train",
):
    """Cut people out of their photographs, for --data packed: larger, read faster."""
    with quiet_tensorflow():
        from fpd_tf.data.packed import pack as write
    samples = people.load(split)
    folder = write(samples, out / split)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{folder}: {len(samples)} people, {size:.1f} MB")


class To(StrEnum):
    coco = "coco"


@app.command(epilog="Example: fpd data --data lsp --root lspet --out people.json")
@with_people
def data(
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    people: Source,
    split: SplitOption = "train",
    to: Annotated[To, typer.Option(help="Layout to write.")] = To.coco,
):
    """Write any annotated people as COCO keypoints json."""
    from fpd_tf.data.coco_write import images_folder, write_coco

    found = people.load(split)
    path, folder = write_coco(found, out), images_folder(found)
    print(
        f"{path}: {len(found)} people; read with --annotations {path} --images {folder}"
    )
