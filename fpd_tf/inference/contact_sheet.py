"""Annotated people as one page or picture: crops with labels and boxes, and facts."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fpd_tf.data.look import Facts, facts_of
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.files import written_whole
from fpd_tf.geometry import apply_matrix
from fpd_tf.inference.draw import LEFT, MIDDLE, RIGHT, draw_pose

SIDE, COLUMNS, MOST = 200, 8, 64
_AROUND = 1.15
_MARGIN, _LINE = 8, 18
_PAPER, _INK, _ODD = (252, 252, 250), (29, 35, 41), (200, 60, 30)


@dataclass(frozen=True, eq=False)
class Crop:
    """One person on the sheet: its number, (S, S, 3) RGB, and what is odd about it."""

    number: int
    name: str
    pixels: np.ndarray
    reasons: Sequence[str]


def contact_sheet(people: People, out: str | Path, *, most: int = MOST) -> Facts:
    """Writes a page or a picture of annotated people.

    Odd ones first, at most half of the sheet, then others, evenly from all of them.

    Args:
        people: with their photographs.
        out: an .html file with everything inside, or a .png with the crops alone.
        most: crops.

    Raises:
        InputError: another suffix, nobody, or a photograph cannot be read.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.contact_sheet import contact_sheet
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="train")
        >>> contact_sheet(people, "sheet.png").people
        10
    """
    out = Path(out)
    if out.suffix not in (".html", ".png"):
        raise InputError(out, "", "a .html or a .png file", out.suffix or "none")
    facts = facts_of(people)
    crops = [_crop(people, at, facts) for at in _chosen(facts, most)]
    with written_whole(out) as aside:
        if out.suffix == ".png":
            aside.write_bytes(_encoded(".png", _grid(crops)))
        else:
            aside.write_text(_page(people, facts, crops), encoding="utf-8")
    return facts


def _chosen(facts, most):
    """Numbers of people: odd ones, then others in equal steps."""
    odd = list(facts.odd)
    others = [at for at in range(facts.people) if at not in facts.odd]
    room = most - min(len(odd), max(most // 2, most - len(others)))
    steps = np.linspace(0, len(others) - 1, min(room, len(others)))
    return odd[: most - len(steps)] + [others[round(at)] for at in steps]


def _crop(people: People, number: int, facts: Facts) -> Crop:
    person = people[number]
    matrix = person.box.scaled(_AROUND).matrix(SIDE)
    crop = person.image.crop(matrix, SIDE)
    joints = apply_matrix(matrix, person.joints.astype(float))
    joints[~person.annotated] = np.nan
    drawn = draw_pose(crop, joints, joint_set=people.joint_set, thickness=3)
    for at in np.flatnonzero(person.annotated & ~person.visible):
        x, y = np.rint(joints[at]).astype(int).tolist()
        cv2.circle(drawn, (x, y), 1, (0, 0, 0), -1, cv2.LINE_AA)
    edge = round(SIDE * (1 - 1 / _AROUND) / 2)
    cv2.rectangle(drawn, (edge, edge), (SIDE - 1 - edge,) * 2, MIDDLE, 1)
    name = person.photograph.name
    return Crop(number, name, drawn, facts.odd.get(number, ()))


def _grid(crops):
    """The crops in rows, number and name below each, odd ones in another colour."""
    columns = min(COLUMNS, len(crops))
    rows = -(-len(crops) // columns)
    across, down = SIDE + _MARGIN, SIDE + _MARGIN + _LINE
    size = rows * down + _MARGIN, columns * across + _MARGIN, 3
    sheet = np.full(size, _PAPER, np.uint8)
    for at, crop in enumerate(crops):
        row, column = divmod(at, columns)
        y, x = row * down + _MARGIN, column * across + _MARGIN
        sheet[y : y + SIDE, x : x + SIDE] = crop.pixels
        color = _ODD if crop.reasons else _INK
        text = f"{crop.number} {crop.reasons[0] if crop.reasons else crop.name}"[:36]
        where = x, y + SIDE + _LINE - 5
        cv2.putText(sheet, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.35, color, 1, 16)
    return sheet


def _page(people, facts, crops):
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    pictures = [(crop, _inline(crop.pixels)) for crop in crops]
    colors = {
        name: "#{:02x}{:02x}{:02x}".format(*color)
        for name, color in (("left", LEFT), ("right", RIGHT))
    }
    return environment.get_template("contact_sheet.html.jinja").render(
        people=people, facts=facts, pictures=pictures, colors=colors
    )


def _inline(pixels):
    return base64.b64encode(_encoded(".jpg", pixels)).decode()


def _encoded(kind, pixels):
    return cv2.imencode(kind, pixels[..., ::-1])[1].tobytes()
