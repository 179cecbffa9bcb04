"""Shards of packed people: raw pixels in TFRecord files, and their checksums."""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from fpd_tf.data.crop_source import CropSource
from fpd_tf.errors import InputError
from fpd_tf.files import sha256_of

MANIFEST = "manifest.json"
_MANIFEST = "the manifest of `fpd pack`"


@dataclass(frozen=True)
class PackedPart(CropSource):
    """The part of a photograph that lies in a shard.

    Args:
        path: of the shard.
        start: byte of the first pixel.
        y: row of the photograph where the part starts.
        x: column, likewise.
        height: rows.
        width: columns.
    """

    path: Path
    start: int
    y: int
    x: int
    height: int
    width: int

    def decoded(self, reduction: int) -> tuple[np.ndarray, tuple[int, int], int]:
        """All pixels of the part, memory-mapped; never reduced.

        Raises:
            InputError: the shard is missing or too short.
        """
        end = self.start + 3 * self.height * self.width
        try:
            shard = _mapped(self.path, os.stat(self.path).st_mtime_ns)
            pixels = shard[self.start : end].reshape(self.height, self.width, 3)
        except (OSError, ValueError) as error:
            check_sum(self.path)
            raise InputError(self.path, "", "a packed file", error) from error
        return pixels, (self.y, self.x), 1

    def check(self) -> None:
        """Reads the shard and checks it against the manifest.

        Raises:
            InputError: it is missing, or not what was written.
        """
        check_sum(self.path)


@cache
def _mapped(path, written):
    return np.memmap(path, np.uint8, "r")


def read_manifest(folder: Path) -> dict:
    """The manifest that `pack` wrote.

    Raises:
        InputError: the file is missing or none of `pack`.
    """
    path = folder / MANIFEST
    try:
        manifest = dict(json.loads(path.read_bytes()))
        return manifest | {"sha256": dict(manifest["sha256"])}
    except OSError as error:
        raise InputError(path, "", _MANIFEST, error.strerror) from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(path, "", _MANIFEST, "another file") from error


def check_sum(path: Path) -> None:
    """Checks a packed file against the manifest beside it.

    Raises:
        InputError: it is missing, or not what was written.
    """
    expected = read_manifest(path.parent)["sha256"].get(path.name)
    try:
        found = sha256_of(path)
    except OSError as error:
        raise InputError(path, "", "a packed file", error.strerror) from error
    if found != expected:
        raise InputError(path, "SHA-256", f"{expected}, as it was written", found)
