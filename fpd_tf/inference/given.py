"""Checks of the inputs of inference: images and boxes.

h x w picture.
"""

from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fpd_tf.data.images import read_image, rgb_of
from fpd_tf.errors import InputError
from fpd_tf.files import read_json
from fpd_tf.geometry import Box

_WIDEST = 100

Picture = np.ndarray | Image.Image | str | Path
Boxes = Mapping[str, Sequence[Sequence[float]]]


def pixels_of(picture: Picture) -> np.ndarray:
    """An image as a uint8 RGB array.

    Args:
        picture: a file; a PIL image; or an array of uint8, RGB (h, w, 3) or grey (h, w)
            or (h, w, 1).

    Returns:
        (h, w, 3) uint8 RGB, upright.

    Raises:
        InputError: the file cannot be read, or another kind of array or object.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.inference.given import pixels_of
        >>> pixels_of(np.zeros((90, 120), np.uint8)).shape
        (90, 120, 3)
        >>> pixels_of(np.zeros((90, 120, 3)))
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: image: expected uint8 levels 0 to 255 of shape...
    """
    if isinstance(picture, str | Path):
        return read_image(picture)
    if isinstance(picture, Image.Image):
        return np.array(rgb_of(ImageOps.exif_transpose(picture), "image"))
    try:
        array = np.asarray(picture)
    except ValueError:  # lists of several lengths
        array = np.zeros(0)
    grey = array.ndim == 2 or array.shape[2:] == (1,)
    colors = array.ndim == 3 and array.shape[2] == 3
    if array.dtype != np.uint8 or not array.size or not (grey or colors):
        expected = (
            "uint8 levels 0 to 255 of shape (h, w, 3), RGB, or (h, w), grey; a PIL "
            "image; or a file"
        )
        received = f"{array.dtype} of shape {array.shape}"
        if not isinstance(picture, np.ndarray):
            received = type(picture).__name__
        raise InputError("image", "", expected, received)
    return np.repeat(array.reshape(*array.shape[:2], 1), 3, 2) if grey else array


def chosen_threshold(given: float | None, own: float) -> float:
    """The least score of a joint that is drawn: the one given, or the model's own.

    Raises:
        InputError: it is not finite.
    """
    threshold = own if given is None else given
    if not np.isfinite(threshold):
        raise InputError("threshold", "", "a score, such as 0.2", threshold)
    return threshold


def check_count(name: str, count: object) -> None:
    """Refuses what is no number of people.

    Raises:
        InputError: it is not a whole number of 1 or more.
    """
    if not isinstance(count, Integral) or count < 1:
        raise InputError(name, "", "a number of people, 1 or more", count)


def read_boxes(path: str | Path) -> dict[str, list[tuple[float, ...]]]:
    """Boxes of people in photographs, from {"photo.jpg": [[x, y, width, height]]}.

    Raises:
        InputError: another kind of file, or an invalid box.

    Example:
        >>> from pathlib import Path
        >>> from fpd_tf.inference.given import read_boxes
        >>> _ = Path("boxes.json").write_text('{"photo.jpg": [[10, 20, 40, 80]]}')
        >>> read_boxes("boxes.json")
        {'photo.jpg': [(10, 20, 40, 80)]}
    """
    expected = 'boxes, {"photo.jpg": [[x, y, width, height], ...], ...}'
    content = read_json(path, expected)
    if not isinstance(content, dict):
        raise InputError(path, "", expected, str(content)[:80])
    return {name: _checked(rows, path, name) for name, rows in content.items()}


def _checked(rows, path, name):
    """The boxes of one photograph, each four numbers."""
    if not isinstance(rows, list):
        expected = "boxes, [[x, y, width, height], ...]"
        raise InputError(path, name, expected, str(rows)[:80])
    for number, row in enumerate(rows, 1):
        try:
            Box.around(row)
        except (ValueError, TypeError) as error:
            expected = "x, y, width, height in pixels, the last two above 0"
            where = f"{name}: box {number}"
            raise InputError(path, where, expected, str(row)[:80]) from error
    return list(map(tuple, rows))


def check_names(photographs: Sequence[Path], boxes: Boxes, source: str | Path) -> None:
    """Refuses a name that stands for several photographs.

    Raises:
        InputError: one does; `source` is where the boxes came from.
    """
    by_name: dict[str, list[Path]] = {}
    for photograph in dict.fromkeys(photographs):
        by_name.setdefault(photograph.name, []).append(photograph)
    for name in boxes:
        meant = by_name.get(name, [])
        if len(meant) > 1 and not all(str(each) in boxes for each in meant):
            sentence = f"it may be {meant[0]} or {meant[1]}; give their paths"
            raise InputError.plain(source, name, sentence)


def boxes_of(photograph: Path, boxes: Boxes, source: str | Path) -> Sequence:
    """The boxes of a photograph, by its path or else its name.

    Raises:
        InputError: it has none; `source` is where they came from.
    """
    for name in (str(photograph), photograph.as_posix(), photograph.name):
        if name in boxes:
            return boxes[name]
    raise InputError.plain(source, "", f"no boxes for {photograph}")


def box_within(
    box: Sequence[float] | Box,
    width: int,
    height: int,
    source: str | Path = "box",
    field: str = "",
) -> Box:
    """A person's box in an image, as the square to crop.

    Args:
        box: (x, y, width, height) pixels, or the square.
        width: of the picture.
        height: of the picture.
        source: where the box came from, for the error.
        field: likewise, the place in it.

    Raises:
        InputError: no box, one relative to the image size instead of in pixels, one
            outside the image, or one more than 100 times as large.

    Example:
        >>> from fpd_tf.inference.given import box_within
        >>> box_within((10, 20, 40, 80), 120, 160)
        Box(x=29.5, y=59.5, side=80.0)
        >>> box_within((0.1, 0.2, 0.5, 0.6), 120, 160)
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: box: expected x y width height in pixels of the...
    """
    square = box if isinstance(box, Box) else Box.around(box)
    x, y, *sides = square.rectangle if isinstance(box, Box) else map(float, box)
    across, down = sides
    longer, side = max(width, height), max(across, down)
    outside = x >= width or y >= height or x + across <= 0 or y + down <= 0
    if outside or side <= 1 < longer or side > _WIDEST * longer:
        expected = f"x y width height in pixels of the {width} x {height} picture"
        received = (x, y, across, down)
        raise InputError(source, field, expected, received)
    return square
