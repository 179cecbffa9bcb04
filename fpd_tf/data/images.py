"""Photographs: read one, check many, and leave out people that are not fit to use.

H W image rows and columns.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fpd_tf.data.checks import keep_good
from fpd_tf.data.packed import SHARD_SUFFIX, check_shard
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.progress import tracked

MIN_SIDE = 16
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
_ORIENTATION_TAG = 0x0112
_TURNED = range(2, 9)
_BMP_FORMS, _BMP_HEADERS = ("L", "BGR", "BGRX", "BGRA"), 14 + 40


def read_image(path: str | Path) -> np.ndarray:
    """One photograph, turned upright by its EXIF tag as viewers show it.

    Grey, CMYK, palette and 16-bit files are converted; transparency is dropped.

    Args:
        path: a JPEG, PNG, BMP or WebP file.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: the file is missing, cut short or no such image.

    Example:
        >>> from PIL import Image
        >>> from fpd_tf.data.images import read_image
        >>> Image.new("L", (30, 20), 7).save("grey.png")
        >>> read_image("grey.png").shape
        (20, 30, 3)
    """
    with _decoded(Path(path)) as image:
        return np.array(_rgb(ImageOps.exif_transpose(image)))


def check_images(people: People, on_error: str = "raise") -> People:
    """The people whose photograph is there, whole, large enough and stored upright.

    Every distinct file is decoded once, in threads: 4 s for 9,000 images (153 MB) of
    LSP-extended on two cores, files in the disk cache. Annotations count stored
    pixels, so a file with an EXIF turn is refused rather than turned. A packed shard is
    held against its checksum.

    Args:
        people: several may share one photograph.
        on_error: "raise" at the first bad file, or "skip" its people and log how many.

    Raises:
        InputError: a file is missing, cut short, no image, less than 16 pixels high or
            wide, turned by EXIF, or a BMP or WebP of a kind that TensorFlow does not
            read as it is shown; under "skip" only where nobody is left.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.images import check_images
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> len(check_images(people))
        2
    """
    with ThreadPoolExecutor() as pool:
        paths = dict.fromkeys(person.image_path for person in people)
        checks = {path: pool.submit(_check_file, path) for path in paths}
        jobs = [partial(_when_checked, person, checks) for person in people]
        try:
            jobs = tracked(jobs, "checking photographs")
            return people.of(keep_good(jobs, on_error))
        finally:
            pool.shutdown(cancel_futures=True)


def _when_checked(person: Sample, checks: dict[Path, Future]) -> Sample:
    checks[person.image_path].result()
    return person


def _check_file(path: Path) -> None:
    check = check_shard if path.suffix == SHARD_SUFFIX else _check_image
    check(path)


def _check_image(path: Path) -> None:
    with _decoded(path, partial(_check_form, path)) as image:
        if min(image.size) < MIN_SIDE:
            wanted = f"at least {MIN_SIDE} x {MIN_SIDE} pixels"
            raise InputError(path, "size", wanted, "{} x {}".format(*image.size))
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
        if orientation in _TURNED:
            wanted = "1 (annotations count stored pixels: store the photograph upright)"
            raise InputError(path, "EXIF orientation", wanted, orientation)


def _check_form(path: Path, image: Image.Image) -> None:
    """Refuses what TensorFlow cannot decode, or decodes to other colours."""
    if image.format == "BMP":
        codec, _, offset, (form, *_) = image.tile[0]
        if codec != "raw" or form not in _BMP_FORMS or offset < _BMP_HEADERS:
            wanted = "a BMP of plain 8-bit greys or 24-bit colours"
            raise InputError(path, "", wanted, f"{codec} {form}")
    if image.format == "WEBP" and (image.mode != "RGB" or image.is_animated):
        received = "several" if image.is_animated else image.mode
        raise InputError(path, "", "a WebP of one opaque picture", received)
    if image.format == "PNG":
        with Image.open(path) as again:
            again.verify()


@contextmanager
def _decoded(
    path: Path, check: Callable[[Image.Image], None] = lambda image: None
) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            check(image)
            image.load()
            yield image
    except InputError:
        raise
    except Exception as error:  # decoders raise a dozen kinds for broken files
        wanted = "a whole photograph (JPEG, PNG, BMP or WebP)"
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError(path, "", wanted, reason) from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")
