"""The output path of each drawing; no drawing replaces a photograph."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.data.images import SUFFIXES as IMAGES
from fpd_tf.errors import InputError
from fpd_tf.files import check_apart, make_folder, written_whole
from fpd_tf.quiet import quiet

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def drawing_paths(photographs: Sequence[Path], out: Path) -> dict[Path, Path]:
    """A file to draw for each photograph.

    Args:
        photographs: the files.
        out: a folder, for NAME.png each; where two would have one name, the folders of
            the photographs are kept. Or, for one photograph, a file to draw.

    Raises:
        InputError: a drawing would replace a photograph, or `out` is one file for
            several.

    Example:
        >>> from pathlib import Path
        >>> from fpd_tf.inference.drawings import drawing_paths
        >>> photographs = [Path("left/1.jpg"), Path("right/1.jpg")]
        >>> [path.as_posix() for path in drawing_paths(photographs, Path("o")).values()]
        ['o/left/1.png', 'o/right/1.png']
    """
    found = dict(zip(photographs, _places(photographs, out), strict=True))
    for drawing in found.values():
        if drawing.exists():
            check_apart(drawing, photographs)
    return found


def write_drawing(path: Path, image: np.ndarray) -> None:
    """Writes (H, W, 3) uint8 RGB in the format of the file's suffix.

    Raises:
        InputError: the file cannot be written, or the format has no images so large.
    """
    make_folder(path.parent)
    with quiet():
        encoded, content = cv2.imencode(path.suffix.lower(), image[..., ::-1])
    if not encoded:
        height, width = image.shape[:2]
        sentence = f"{width} x {height} pixels are too many for it; write a .png"
        raise InputError.plain(path, "", sentence)
    with written_whole(path) as aside:
        aside.write_bytes(content.tobytes())


def _places(photographs, out):
    if out.suffix.lower() in SUFFIXES and not out.is_dir():
        if len(set(photographs)) == 1:
            return [out] * len(photographs)
        sentence = "give a folder: there are several photographs to draw"
        raise InputError.plain(out, "", sentence)
    if out.suffix.lower() in IMAGES and not out.is_dir():
        known = ", ".join(SUFFIXES)
        raise InputError(out, "suffix", f"{known}, or a folder", out.suffix)
    absolute = [Path(os.path.abspath(photograph)) for photograph in photographs]
    root = os.path.commonpath([each.parent for each in absolute])
    names = (
        lambda path: path.stem,
        lambda path: path.relative_to(root).with_suffix(""),
        lambda path: path.relative_to(root),
    )
    for name in names:
        places = {path: Path(f"{out / name(path)}.png") for path in absolute}
        if len(set(places.values())) == len(places):
            break
    return [places[path] for path in absolute]
