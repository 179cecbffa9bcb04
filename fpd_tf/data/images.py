"""Photographs: reading with EXIF orientation, checking, skipping bad ones.

H W image rows and columns. Annotation tools show photographs upright, so that is how
everything here reads them and what labels count: the EXIF orientation is applied.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fpd_tf.data.checks import keep_good
from fpd_tf.errors import InputError, reason_of
from fpd_tf.progress import tracked

if TYPE_CHECKING:
    from fpd_tf.data.people import People, Sample

logger = logging.getLogger("fpd_tf")

_HEIF_SUFFIXES = (".heic", ".heif")
SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
SUFFIXES += (".avif", *_HEIF_SUFFIXES)
MIN_SIDE = 16
MOST_PIXELS = 300_000_000
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "AVIF")
_NAMES = "JPEG, PNG, BMP, WebP, TIFF, GIF, AVIF or HEIC"
_ORIENTATION_TAG, _TURNED, _ON_THEIR_SIDE = 0x0112, range(2, 9), range(5, 9)
_XMP = ("xmp", "XML:com.adobe.xmp")
_DEEP = ("I", "F")
_pillow_limit = Lock()


class Measured(NamedTuple):
    """Size and orientation of a photograph.

    Args:
        size: width and height, upright.
        turned: whether its EXIF orientation rotates it.
    """

    size: tuple[int, int]
    turned: bool


def read_image(path: str | Path) -> np.ndarray:
    """One photograph, rotated upright by its EXIF orientation.

    Grey, CMYK, palette and 16-bit files are converted; transparency is dropped; of a
    moving picture the first frame is read.

    Args:
        path: a JPEG, PNG, BMP, WebP, TIFF, GIF or AVIF file of at most 300 megapixels;
            HEIC too where the package pillow-heif is installed.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: the file is missing, cut short, too large or no such image.

    Example:
        >>> from PIL import Image
        >>> from fpd_tf.data.images import read_image
        >>> Image.new("L", (30, 20), 7).save("grey.png")
        >>> read_image("grey.png").shape
        (20, 30, 3)
    """
    with opened(Path(path)) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return np.array(rgb_of(image, path))


def measured(path: Path) -> Measured:
    """Decodes a photograph and says how large it is.

    Raises:
        InputError: as for `read_image`, or less than 16 pixels high or wide.
    """
    with opened(path) as image:
        turned = _orientation(image) in _TURNED
        image.load()
        width, height = image.size
        if _orientation(image) in _ON_THEIR_SIDE:
            width, height = height, width
    if min(width, height) < MIN_SIDE:
        expected = f"at least {MIN_SIDE} x {MIN_SIDE} pixels"
        raise InputError(path, "size", expected, f"{width} x {height}")
    return Measured((width, height), turned)


def photographs_in(folder: Path) -> list[Path]:
    """The photographs of a folder in order; a log line counts other files and folders.

    Raises:
        InputError: there is none.
    """
    entries = sorted(folder.iterdir())
    files = [each for each in entries if each.is_file()]
    folders = [each for each in entries if each.is_dir() and each.name[0] != "."]
    suffixes = Counter(file.suffix.lower() for file in files)
    if not suffixes.keys() & SUFFIXES:
        received = f"none, but folders: {folders[0].name}" if folders else "none"
        raise InputError(folder, "", f"photographs ({', '.join(SUFFIXES)})", received)
    others = {suffix: suffixes[suffix] for suffix in suffixes.keys() - SUFFIXES}
    if folders:
        more = f" and {len(folders) - 1} more" if folders[1:] else ""
        logger.warning("%s: not looked into: %s%s", folder, folders[0].name, more)
    if others:
        kinds = [f"{others[each]} {each or 'without'}" for each in sorted(others)[::-1]]
        count = sum(others.values())
        counted = f"{count} file{'s' if count > 1 else ''}"
        logger.warning("%s: %s left out (%s)", folder, counted, ", ".join(kinds))
    return [file for file in files if file.suffix.lower() in SUFFIXES]


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height, from the head of the file alone.

    Raises:
        InputError: as for `read_image`.
    """
    with opened(path) as image:
        width, height = image.size
        stored = image.format != "TIFF"  # of which Pillow tells the upright size
        turned = stored and _orientation(image) in _ON_THEIR_SIDE
    return (height, width) if turned else (width, height)


def check_images(people: "People", on_error: str = "raise") -> "People":
    """The people whose photograph exists, is whole, and has the size of its labels.

    Every distinct file is decoded once, in threads: 4 s for 9,000 images (153 MB) of
    LSP-extended on two cores, files in the disk cache. Where the labels say how large
    their photograph is (`Sample.image_size`), it must be that large upright: labels
    made on the stored pixels of a photograph that its EXIF orientation rotates would be
    wrong. Packed shards are checked against their checksums.

    Args:
        people: several may share one photograph.
        on_error: "raise" at the first bad file, or "skip" its people and log how many.

    Raises:
        InputError: a file is missing, cut short, no image, less than 16 pixels high or
            wide, or of another size than its labels say, or a person's box misses it;
            with "skip", only if nobody is left.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.images import check_images
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> len(check_images(people))
        2
    """
    images = {person.image_path: person.image for person in people}
    with ThreadPoolExecutor() as pool:
        checks = {path: pool.submit(image.check) for path, image in images.items()}
        jobs = [
            partial(_fitting, person, checks[person.image_path]) for person in people
        ]
        try:
            kept = keep_good(tracked(jobs, "checking photographs"), on_error)
        finally:
            pool.shutdown(cancel_futures=True)
    found = [checks[path].result() for path in {one.image_path for one in kept}]
    turned = sum(bool(each and each.turned) for each in found)
    if turned:
        logger.warning(
            "%d of %d photographs are turned upright by their EXIF orientation: labels "
            "must count the pixels of the upright picture",
            turned,
            len(found),
        )
    return people.of(kept)


def _fitting(person: "Sample", check: Future) -> "Sample":
    found = check.result()
    if found:
        check_size(person.image_path, found, person.image_size)
        _check_box(person, *found.size)
    return person


def _check_box(person, width, height):
    """A crop that shows nothing of the photograph would be trained on, black."""
    x, y, side, _ = person.box.rectangle
    if x >= width or y >= height or x + side <= 0 or y + side <= 0:
        expected = f"a square on the {width} x {height} picture"
        raise InputError(person.image_path, "box of a person", expected, person.box)


def check_size(path: Path, found: Measured, said: tuple[int, int] | None) -> None:
    """Refuses a photograph of another size than its labels say.

    Raises:
        InputError: it is.
    """
    if said and tuple(said) != found.size:
        expected = "the size that its labels say, {} x {}".format(*said)
        received = "{} x {}".format(*found.size)
        if found.turned:
            received += (
                ", upright by its EXIF orientation, which labels must count in (where "
                "they do, leave this width and height out of the json)"
            )
        raise InputError(path, "size", expected, received)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An opened photograph; errors inside become one line.

    Raises:
        InputError: the file is missing, damaged, too large or no photograph.
    """
    try:
        with _without_limit_of_pillow():
            image = Image.open(path, formats=_formats())
        with image:
            _check_pixels(path, image)
            _forget_xmp(image)
            yield image
    except InputError:
        raise
    except Exception as error:  # decoders raise a dozen kinds for broken files
        expected = f"a whole photograph ({_NAMES})"
        raise InputError(path, "", expected, _why(path, error)) from error


@contextmanager
def _without_limit_of_pillow():
    """Without Pillow's own limit, which phone photographs exceed; `opened` has one."""
    with _pillow_limit:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@cache
def _formats() -> tuple[str, ...]:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return _FORMATS
    register_heif_opener()
    return (*_FORMATS, "HEIF")


def _check_pixels(path, image):
    width, height = image.size
    if width * height > MOST_PIXELS:
        expected = f"at most {MOST_PIXELS // 10**6} megapixels"
        received = f"{width} x {height}, {width * height / 1e6:.0f}"
        raise InputError(path, "size", expected, received)


def _why(path, error):
    if not isinstance(error, UnidentifiedImageError):
        return reason_of(error)
    if path.suffix.lower() in _HEIF_SUFFIXES and "HEIF" not in _formats():
        return "HEIC, which needs `pip install pillow-heif`"
    return "not such an image"


def _forget_xmp(image):
    """Pillow would follow an orientation there; browsers and OpenCV do not."""
    for name in _XMP:
        image.info.pop(name, None)


def _orientation(image):
    return image.getexif().get(_ORIENTATION_TAG, 1)


def rgb_of(image: Image.Image, source: str | Path) -> Image.Image:
    """A picture of any mode in 8-bit RGB; transparency is dropped.

    Args:
        image: the picture.
        source: of it, for messages.

    Raises:
        InputError: its levels have more than 16 bits.
    """
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in _DEEP:
        raise InputError(source, "", "8 or 16 bits for each colour", "32")
    return image.convert("RGB")
