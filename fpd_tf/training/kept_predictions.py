"""The cache of predicted joints and scores of a teacher, on disk.

There is one folder for each teacher (or combination of teachers) and its views. The key
of a row is the content of the photograph and the box, so that other splits, orders and
paths find the same rows, and an interrupted run continues.

N people, K joints of the teacher; coordinates are pixels of the photographs.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from fpd_tf.data.people import Sample
from fpd_tf.errors import InputError
from fpd_tf.files import make_folder, sha256_of, written_whole
from fpd_tf.joints import JointSet

ABOUT = "about.json"


@dataclass(frozen=True, eq=False)
class PredictedJoints:
    """Joints that a teacher predicted, a row for each person.

    Args:
        joints: (N, K, 2) float32 pixels of the photographs.
        scores: (N, K) float32, about 0 (a guess) to 1 (certain).
    """

    joints: np.ndarray
    scores: np.ndarray


class KeptPredictions:
    """The cache of one teacher's predictions.

    Args:
        folder: of this teacher only; created if missing.
        joint_set: the teacher's.
        about: what the folder's about.json states about the teacher, plain values.

    Raises:
        InputError: a file in it is damaged.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.training.kept_predictions import (
        ...     KeptPredictions,
        ...     PredictedJoints,
        ...     person_key,
        ... )
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> keys = [person_key(person) for person in people]
        >>> kept = KeptPredictions("kept", fpd.MPII, {"views": "turned"})
        >>> predicted = PredictedJoints(np.zeros((1, 16, 2)), np.ones((1, 16)))
        >>> kept.write(keys[:1], predicted)
        >>> again = KeptPredictions("kept", fpd.MPII, {"views": "turned"})
        >>> again.missing(keys) == keys[1:], again.of(keys[:1]).scores.shape
        (True, (1, 16))
    """

    def __init__(self, folder: str | Path, joint_set: JointSet, about: dict):
        self.folder, self.joint_set = Path(folder), joint_set
        self._rows = {}
        if not (self.folder / ABOUT).exists():
            make_folder(self.folder)
            described = about | {"joint_set": joint_set.as_dict()}
            with written_whole(self.folder / ABOUT) as aside:
                aside.write_text(json.dumps(described, indent=2))
        for file in sorted(self.folder.glob("*.npz")):
            if not file.name.startswith("partial-"):
                self._add(*self._read(file))

    def missing(self, keys: Sequence[str]) -> list[str]:
        """The keys without a cached prediction, each once."""
        return [key for key in dict.fromkeys(keys) if key not in self._rows]

    def write(self, keys: Sequence[str], predicted: PredictedJoints) -> None:
        """Stores the predictions for some people in a new file."""
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:16]
        with written_whole(self.folder / f"{name}.npz") as aside:
            arrays = {"joints": predicted.joints, "scores": predicted.scores}
            np.savez(aside, keys=np.array(keys), **arrays)
        self._add(keys, predicted)

    def of(self, keys: Sequence[str]) -> PredictedJoints:
        """The predictions for these people, in their order."""
        rows = [self._rows[key] for key in keys]
        shape = len(rows), self.joint_set.num_joints
        joints = np.array([joints for joints, _ in rows], np.float32)
        scores = np.array([scores for _, scores in rows], np.float32)
        return PredictedJoints(joints.reshape(*shape, 2), scores.reshape(shape))

    def _add(self, keys, predicted):
        rows = zip(predicted.joints, predicted.scores, strict=True)
        self._rows.update(zip(keys, rows, strict=True))

    def _read(self, file):
        count = self.joint_set.num_joints
        try:
            with file.open("rb") as content, np.load(content) as kept:
                keys, joints, scores = (
                    kept[name] for name in ("keys", "joints", "scores")
                )
            shapes = joints.shape, scores.shape
            if shapes != ((len(keys), count, 2), (len(keys), count)):
                raise ValueError(shapes)
        except Exception as error:  # zipfile and NumPy raise a dozen kinds
            sentence = "it is damaged; delete it, and the teacher runs again"
            raise InputError.plain(file, "", sentence) from error
        return keys.tolist(), PredictedJoints(joints, scores)


def person_key(person: Sample) -> str:
    """32 hexadecimal digits that change with the photograph's content and the box.

    Raises:
        InputError: the photograph cannot be read.
    """
    box = [round(value, 3) for value in (person.box.x, person.box.y, person.box.side)]
    about = [_digest(person.image_path), person.packed, box]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]


def _digest(path):
    try:
        found = path.stat()
        return _digest_of(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise InputError(path, "", "a photograph", error.strerror) from error


@cache
def _digest_of(path, size, changed):
    return sha256_of(path)
