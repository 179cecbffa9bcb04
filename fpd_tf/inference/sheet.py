"""A contact sheet of people, an image and a line for each, as a page or an image."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fpd_tf.data.people import Sample
from fpd_tf.errors import InputError
from fpd_tf.files import check_apart, check_file, written_whole
from fpd_tf.inference.draw import LEFT, RIGHT

SIDE, MOST, ACROSS = 200, 64, 8
AROUND = 1.15
_MARGIN, _LINE = 8, 18
_PAPER, _INK, _ODD = (252, 252, 250), (29, 35, 41), (200, 60, 30)


@dataclass(frozen=True, eq=False)
class Crop:
    """One person on a sheet: number, (S, W, 3) RGB, and what is suspicious."""

    number: int
    name: str
    pixels: np.ndarray
    reasons: Sequence[str]


def check_sheet(out: Path, people: Iterable[Sample] = ()) -> None:
    """Refuses a sheet of another kind, or in place of a photograph.

    Raises:
        InputError: neither .html nor .png, the photograph of one of the people, or no
            folder to write to.
    """
    check_file(out)
    if out.suffix not in (".html", ".png"):
        raise InputError(out, "", "a .html or a .png file", out.suffix or "none")
    if out.exists():
        check_apart(out, {person.image_path for person in people})


def write_sheet(out: Path, crops: Sequence[Crop], template: str, **facts) -> None:
    """Writes crops as a page with everything inside, or as a picture of them alone.

    Args:
        out: a .html or .png file.
        crops: of one size.
        template: of the page, a file here.
        facts: that the template shows.
    """
    with written_whole(out) as aside:
        if out.suffix == ".png":
            aside.write_bytes(_encoded(".png", _grid(crops)))
        else:
            aside.write_text(_page(template, crops, facts), encoding="utf-8")


def _grid(crops):
    """The crops in rows with number and name, suspicious ones in another colour."""
    wide = crops[0].pixels.shape[1] if crops else SIDE
    columns = max(1, min(ACROSS * SIDE // wide, len(crops)))
    rows = -(-len(crops) // columns)
    across, down = wide + _MARGIN, SIDE + _MARGIN + _LINE
    size = rows * down + _MARGIN, columns * across + _MARGIN, 3
    sheet = np.full(size, _PAPER, np.uint8)
    for at, crop in enumerate(crops):
        row, column = divmod(at, columns)
        y, x = row * down + _MARGIN, column * across + _MARGIN
        sheet[y : y + SIDE, x : x + wide] = crop.pixels
        color = _ODD if crop.reasons else _INK
        text = f"{crop.number} {crop.reasons[0] if crop.reasons else crop.name}"
        where = x, y + SIDE + _LINE - 5
        text = text[: 36 * wide // SIDE]
        cv2.putText(sheet, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.35, color, 1, 16)
    return sheet


def _page(template, crops, facts):
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
    page = environment.get_template(template)
    return page.render(pictures=pictures, colors=colors, **facts)


def _inline(pixels):
    return base64.b64encode(_encoded(".jpg", pixels)).decode()


def _encoded(kind, pixels):
    return cv2.imencode(kind, pixels[..., ::-1])[1].tobytes()
