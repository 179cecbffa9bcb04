"""Predicted joints of many people: .tflite teachers run in one process a core.

No TensorFlow, so that a process starts within a second. N people, K joints.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpd_tf.data.people import Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import apply_matrix, crop_matrices, invert_matrix
from fpd_tf.joints import JointSet
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Predictor
from fpd_tf.predictors.tflite import tflite_predictor
from fpd_tf.predictors.vote import FINER, POWER, RADIUS, SURE, ZOOM, Views, voted
from fpd_tf.progress import tracked
from fpd_tf.training.digests import digest_of_file, digest_with_weights
from fpd_tf.training.kept_predictions import (
    KeptPredictions,
    PredictedJoints,
    person_key,
)

if TYPE_CHECKING:
    import keras

AT_ONCE = 64
PROGRESS = "teacher predictions"


def teacher_predictions(
    people: Sequence[Sample],
    teachers: "Sequence[str | Path | keras.Model]",
    folder: str | Path,
    views: Views = "turned",
) -> tuple[JointSet, PredictedJoints]:
    """The combined prediction of teachers, read from the cache or computed.

    Args:
        people: N.
        teachers: .tflite files of any kind, .keras files, or Keras networks.
        folder: of cached predictions; created if missing.
        views: of each crop, for every teacher.

    Returns:
        The teachers' joint set, and the prediction for each person.

    Raises:
        InputError: a bad file, photograph or cache, or a full disk.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.training.teacher_predictions import teacher_predictions
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> network = fpd.build_model("tiny", input_size=64)
        >>> joint_set, predicted = teacher_predictions(
        ...     people, [network], "kept", "upright"
        ... )
        >>> predicted.joints.shape
        (2, 16, 2)
    """
    opened = [load_predictor(each) for each in teachers]
    together = voted(opened, views)
    about = {"teachers": [_about(each) for each in teachers], "views": views}
    about |= {"vote": [ZOOM, FINER, RADIUS, POWER, SURE]}
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    names = {"names": [each.name for each in opened]}
    kept = KeptPredictions(Path(folder) / key, together.joint_set, names | about)
    keys = [person_key(person) for person in people]
    by_key = dict(zip(keys, people, strict=True))
    left = kept.missing(keys)
    not_kept = [by_key[key] for key in left]
    if all(_is_tflite(each) for each in teachers):
        predicted = predicted_by_files(teachers, views, not_kept)
    else:
        parts = [not_kept[at : at + AT_ONCE] for at in range(0, len(left), AT_ONCE)]
        predicted = (
            predicted_joints(together, part) for part in tracked(parts, PROGRESS)
        )
    for at, part in enumerate(predicted):
        kept.write(left[AT_ONCE * at :][: len(part.scores)], part)
    return together.joint_set, kept.of(keys)


def predicted_joints(predictor: Predictor, people: Sequence[Sample]) -> PredictedJoints:
    """Joints that one predictor finds.

    Args:
        predictor: of any kind.
        people: N.

    Raises:
        InputError: a photograph cannot be read.
    """
    matrices = crop_matrices([person.box for person in people], predictor.input_size)
    crops = [
        _crop(person, matrix, predictor.input_size)
        for person, matrix in zip(people, matrices, strict=True)
    ]
    found = predictor(np.stack(crops).astype(np.float32) / 255)
    joints = apply_matrix(invert_matrix(matrices), found.joints)
    return PredictedJoints(joints.astype(np.float32), found.scores)


def predicted_by_files(
    files: Sequence[Path],
    views: Views,
    people: Sequence[Sample],
    processes: int | None = None,
) -> Iterator[PredictedJoints]:
    """The combined prediction of .tflite files, some people at a time.

    Args:
        files: the teachers.
        views: of each crop, for every file.
        people: N.
        processes: None for one a core; each runs the files on one thread.

    Returns:
        The predictions for the next `AT_ONCE` people.

    Raises:
        InputError: a photograph cannot be read, or a process was killed.
    """
    parts = [people[at : at + AT_ONCE] for at in range(0, len(people), AT_ONCE)]
    if not parts:
        return
    processes = min(processes or _cores(), len(parts))
    how = processes, get_context("spawn"), _open, (files, views)
    pool = ProcessPoolExecutor(*how)
    try:
        yield from tracked(pool.map(_predict, parts), PROGRESS, len(parts))
    except BrokenProcessPool as error:
        sentence = (
            "a worker process was killed (out of memory?); in a script of your own, "
            "call this under `if __name__ == '__main__':`"
        )
        raise InputError.plain("teacher", "", sentence) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _cores():
    """Those that this process may use, where the system can tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _open(files, views):
    """In a new process: opens the teachers, once."""
    global _teacher
    _teacher = voted([tflite_predictor(Path(file), threads=1) for file in files], views)


def _predict(people):
    return predicted_joints(_teacher, people)


def _is_tflite(teacher):
    return isinstance(teacher, str | Path) and Path(teacher).suffix == ".tflite"


def _about(teacher):
    """A digest that changes with anything that decides a teacher's predictions."""
    if isinstance(teacher, str | Path):
        return digest_of_file(teacher)
    return digest_with_weights(teacher, teacher.to_json()).hexdigest()


def _crop(person, matrix, size):
    return person.image.crop(matrix, size)
