"""Digests that tell teachers apart by their content, whatever their names."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpd_tf.contract.pose_json import contract_path

if TYPE_CHECKING:
    import keras


def digest_of_file(path: str | Path) -> str:
    """64 hexadecimal digits of a teacher's file and of the contract beside it.

    Args:
        path: a .keras or .tflite file.
    """
    digest = hashlib.sha256(Path(path).read_bytes())
    if (beside := contract_path(path)).exists():
        digest.update(beside.read_bytes())
    return digest.hexdigest()


def digest_with_weights(network: "keras.Model", about: str = "") -> "hashlib._Hash":
    """A digest of what is said about a network and of its weights, to be continued.

    Args:
        network: a teacher.
        about: what else tells it apart.
    """
    digest = hashlib.sha256(about.encode())
    for weight in network.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest


def digest_of_teachers(teachers: "Sequence[str | Path | keras.Model]") -> str:
    """16 hexadecimal digits that change with any file or weight of them.

    Args:
        teachers: files or networks, in the order of their vote.
    """
    digest = hashlib.sha256()
    for teacher in teachers:
        is_file = isinstance(teacher, str | Path)
        content = digest_of_file if is_file else _of_weights
        digest.update(content(teacher).encode())
    return digest.hexdigest()[:16]


def _of_weights(network):
    return digest_with_weights(network).hexdigest()
