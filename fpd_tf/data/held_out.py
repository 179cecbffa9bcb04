"""Holding out a share of the photographs, always the same ones."""

import hashlib
import re

from fpd_tf.data.people import People
from fpd_tf.errors import InputError


def share_of(text: str) -> float:
    """The share that "10%" stands for.

    Raises:
        InputError: no percentage above 0 and below 100.

    Example:
        >>> from fpd_tf.data.held_out import share_of
        >>> share_of("10%")
        0.1
    """
    match = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,3})?)%", text)
    share = float(match[1]) / 100 if match else 0
    if not share:
        expected = "a share of the photographs, such as 10%"
        raise InputError("validation", "", expected, text)
    return share


def part_of(people: People, split: str, validation: str) -> People:
    """The people on the photographs that are held out, or those on the others.

    Photographs are ordered by a hash of their file name, and the first ones are held
    out: the same ones on every machine and in every call.

    Args:
        people: all; those on one photograph stay together.
        split: "train", "val" or "all".
        validation: a share, such as "10%"; at least one photograph.

    Raises:
        InputError: another split, no share, or no photograph left to train on.
    """
    share = share_of(validation)
    if split not in ("train", "val", "all"):
        raise InputError(
            "split", "", "train, val or all, where a share is held out", split
        )
    photographs = sorted({each.image_path for each in people}, key=_drawn)
    count = max(1, round(share * len(photographs)))
    if count == len(photographs):
        sentence = f"holds out all {count} photographs; none is left to train on"
        raise InputError.plain("validation", validation, sentence)
    parts = {"val": photographs[:count], "train": photographs[count:]}
    kept = set(parts.get(split, photographs))
    return people.of(each for each in people if each.image_path in kept)


def _drawn(path):
    """An order that depends on the name only."""
    return hashlib.sha256(path.name.encode()).digest(), str(path)
