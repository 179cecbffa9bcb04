"""Draws the picture of docs/architecture.md: what flows from room to room.

python -m tools.house
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import matplotlib
import typer
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from fpd_tf.files import written_whole

INK, PAPER, ROOM, THING = "#22252b", "#ffffff", "#dcebfa", "#f3efe4"
HEIGHT = 0.7


@dataclass(frozen=True)
class Block:
    """A room, or a thing that goes in or comes out.

    Args:
        x, y: its middle; y grows downwards.
        width: of the box.
        name: bold.
        says: under the name.
        room: whether it is a room of the package.
    """

    x: float
    y: float
    width: float
    name: str
    says: str
    room: bool = True


BLOCKS = {
    "photographs": Block(
        1.7, 0, 3.0, "photographs", "MPII, LSP, COCO, YOLO, your own", False
    ),
    "drawn": Block(5.1, 0, 2.9, "drawn", "people drawn in these layouts"),
    "networks": Block(
        9.4, 0, 4.0, "opened networks", ".keras, .tflite, MoveNet, BlazePose", False
    ),
    "data": Block(3.2, 1.4, 3.6, "data", "checked People; batches of crops"),
    "predictors": Block(
        9.4, 1.4, 4.0, "predictors", "crops to joints, scores and heatmaps"
    ),
    "models": Block(1.0, 2.8, 1.7, "models", "the student"),
    "training": Block(4.6, 2.8, 4.0, "training", "Distiller: labels and a teacher"),
    "evaluation": Block(
        9.4, 2.8, 4.0, "evaluation", "PCKh, PCK, OKS AP of any network"
    ),
    "export": Block(3.2, 4.2, 4.6, "export", "fold, quantize, compare, audit"),
    "contract": Block(
        9.4, 4.2, 4.0, "contract", "pose.json: joints, crop, decoding, smoothing"
    ),
    "bundle": Block(3.2, 5.6, 4.6, "bundle", "Android, iOS and web folders, checked"),
    "inference": Block(
        9.4, 5.6, 4.0, "inference", "photographs and video to joints, drawn"
    ),
    "phone": Block(3.2, 7.0, 4.6, "phone, browser", "the same joints as Python", False),
    "joints": Block(9.4, 7.0, 4.0, "joints", "JSON, CSV, drawings", False),
}
ARROWS = (
    ("photographs", "data", ""),
    ("drawn", "data", ""),
    ("networks", "predictors", ""),
    ("data", "training", "images, heatmaps, weights"),
    ("predictors", "training", "teacher"),
    ("predictors", "evaluation", ""),
    ("models", "training", ""),
    ("training", "evaluation", ""),
    ("training", "export", "student.keras"),
    ("export", "contract", ".tflite"),
    ("export", "bundle", ".tflite, pose.json"),
    ("contract", "inference", ""),
    ("bundle", "phone", ""),
    ("inference", "joints", ""),
)


def main(
    out: Annotated[Path, typer.Argument()] = Path("docs/pictures/house.svg"),
):
    """Writes the picture; the same bytes every time."""
    look = {"svg.fonttype": "none", "svg.hashsalt": "house"}
    with matplotlib.rc_context(look), written_whole(out) as aside:
        _drawn().savefig(aside, format="svg", metadata={"Date": None})
    print(out)


def _drawn():
    figure = Figure(figsize=(11, 7.2), facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.1, 11.6), ylim=(7.5, -0.5))
    axes.axis("off")
    for block in BLOCKS.values():
        _draw_block(axes, block)
    for start, end, label in ARROWS:
        _draw_arrow(axes, BLOCKS[start], BLOCKS[end], label)
    return figure


def _draw_block(axes, block):
    corner = block.x - block.width / 2, block.y - HEIGHT / 2
    face = ROOM if block.room else THING
    style = "round,pad=0,rounding_size=0.12"
    box = FancyBboxPatch(
        corner, block.width, HEIGHT, boxstyle=style, facecolor=face, edgecolor=INK
    )
    axes.add_patch(box)
    text = {"ha": "center", "va": "center", "color": INK, "family": "sans-serif"}
    axes.text(block.x, block.y - 0.15, block.name, weight="bold", size=14, **text)
    axes.text(block.x, block.y + 0.16, block.says, size=11, **text)


def _draw_arrow(axes, start, end, label):
    """From the edge of one block to the edge of the other, the label beside it."""
    if start.y == end.y:
        side = 1 if end.x > start.x else -1
        tail = start.x + side * start.width / 2, start.y
        head = end.x - side * end.width / 2, end.y
    else:
        low = max(start.x - start.width / 2, end.x - end.width / 2) + 0.3
        high = min(start.x + start.width / 2, end.x + end.width / 2) - 0.3
        if low <= high:
            tail_x = head_x = (low + high) / 2
        else:
            near = (start.x + start.width / 2 - 0.4, end.x - end.width / 2 + 0.4)
            far = (start.x - start.width / 2 + 0.4, end.x + end.width / 2 - 0.4)
            tail_x, head_x = near if start.x < end.x else far
        tail, head = (tail_x, start.y + HEIGHT / 2), (head_x, end.y - HEIGHT / 2)
    arrow = FancyArrowPatch(
        tail, head, arrowstyle="-|>", mutation_scale=14, color=INK, shrinkA=0, shrinkB=0
    )
    axes.add_patch(arrow)
    x, y = (tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2
    if label and start.y == end.y:
        axes.text(x, y - 0.1, label, size=11, color=INK, ha="center", va="bottom")
    elif label:
        look = {"ha": "left", "va": "center", "backgroundcolor": PAPER}
        axes.text(x + 0.12, y, label, size=11, color=INK, **look)


if __name__ == "__main__":
    typer.run(main)
