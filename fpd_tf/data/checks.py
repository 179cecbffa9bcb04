"""Checks that all loaders share: splits, numbers, coordinates; skipping bad people."""

import logging
import re
import reprlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from fpd_tf.errors import InputError

SPLITS = ("train", "val", "test", "trainval", "all")
FARTHEST = 1e5

Kept = TypeVar("Kept")
logger = logging.getLogger("fpd_tf")


def within(split: str, count: int) -> slice:
    """The part of `count` images that a split "FIRST-LAST" means; all for a name."""
    if split in SPLITS:
        return slice(None)
    match = re.fullmatch("([0-9]{1,9})-([0-9]{1,9})", str(split))
    if not match:
        wanted = f"{', '.join(SPLITS)} or FIRST-LAST image numbers"
        raise InputError("split", "", wanted, described(split))
    first, last = map(int, match.groups())
    if not 1 <= first <= last <= count:
        raise InputError("split", "", f"image numbers within 1-{count}", split)
    return slice(first - 1, last)


def numbers(
    value: object, shape: tuple[int, ...], source: str | Path, field: str
) -> np.ndarray:
    """`value` as float64 of exactly `shape`; anything else is an InputError."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "buif" or array.shape != shape:
        wanted = f"numbers of shape {shape}" if shape else "a number"
        raise InputError(source, field, wanted, described(value))
    return array.astype(np.float64)


def check_near(values: np.ndarray, source: str | Path, field: str) -> None:
    """Coordinates that are not finite or absurdly far out are an InputError."""
    outside = values[~(np.abs(values) <= FARTHEST)]
    if outside.size:
        wanted = f"pixels within {FARTHEST:,.0f} of the corner"
        raise InputError(source, field, wanted, float(outside[0]))


def check_pixels(values: np.ndarray, source: str | Path, field: str) -> None:
    """Fractions that all lie within 0 to 1 are an InputError: they are no pixels."""
    if ((values >= 0) & (values <= 1)).all() and (values % 1).any():
        expected = "pixels, not parts of the photograph"
        raise InputError(source, field, expected, values.tolist())


def described(value: object) -> str:
    """A value as an error shows it, on one line."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.dtype} of shape {value.shape}"
    return " ".join(reprlib.repr(value).split())


def keep_good(
    items: Iterable[Callable[[], Kept]], on_error: str = "raise", what: str = "people"
) -> list[Kept]:
    """The items that are valid; others raise, or are skipped and counted in the log.

    Args:
        items: one function for each item, which raises InputError where it is bad.
        on_error: "raise" at the first bad one, or "skip" them.
        what: they are, for the log.

    Raises:
        InputError: an item is bad; with "skip", only if all are.
    """
    if on_error not in ("raise", "skip"):
        raise InputError("on_error", "", "raise or skip", on_error)
    good, bad, first = [], 0, None
    for item in items:
        try:
            good.append(item())
        except InputError as error:
            if on_error == "raise":
                raise
            bad, first = bad + 1, first or error
    if first and not good:
        raise first
    if first:
        logger.warning("skipped %d of %d %s: %s", bad, bad + len(good), what, first)
    return good
