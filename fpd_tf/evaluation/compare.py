"""Accuracy, time and size of networks of any kind on the same people."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fpd_tf.data.people import People, checked_people
from fpd_tf.errors import InputError
from fpd_tf.evaluation.by_name import common_joints, only_joints, with_names_of
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.files import short_names
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.mapped import mapped
from fpd_tf.predictors.predictor import Predictor
from fpd_tf.predictors.tflite import tflite_predictor
from fpd_tf.progress import tracked
from fpd_tf.shipped import model_file

ROUNDS, RUNS = 5, 5


@dataclass(frozen=True)
class Compared:
    """The results of one file.

    Args:
        name: of the file; its path where two share a name.
        joints: number of its own.
        score: percent, over the joints that all files have.
        auc: percent, likewise; None where the metric has none.
        milliseconds: for a crop, one at a time; a .tflite on one thread.
        size: bytes.
    """

    name: str
    joints: int
    score: float
    auc: float | None
    milliseconds: float
    size: int

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """The results of several files.

    Args:
        metric: such as "PCK@0.2".
        joints: names of those that the scores are over.
        people: number of people.
        files: one for each file, in their order.
    """

    metric: str
    joints: tuple[str, ...]
    people: int
    files: tuple[Compared, ...]

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def compare(files: Sequence[str | Path], people: People) -> Comparison:
    """Scores and times files on the same people, joints matched by name.

    Only joints count that the people and all files have by name, without midpoints. A
    network without joint names is assumed to have the people's, if it has as many.

    Args:
        files: .keras and .tflite files of any kind, or names of shipped students (their
            int8 files).
        people: annotated.

    Raises:
        InputError: no file, a bad one, no joint in common, or a bad photograph.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.evaluation.compare import compare
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> compare(["student.tflite"], people).files[0].name
        'student.tflite'
    """
    people = checked_people(people)
    if not files or isinstance(files, str | Path):
        received = repr(str(files)) if files else "none"
        raise InputError("files", "", "a list of one or more", received)
    files = [model_file(file) for file in files]
    predictors = [with_names_of(_opened(file), people.joint_set) for file in files]
    common = common_joints(people, predictors)
    counted = only_joints(people, common)
    evaluations = [
        evaluate(mapped(predictor, people.joint_set), counted)
        for predictor in predictors
    ]
    if not evaluations[0].scores.people:
        sentence = (
            f"no person can be scored by the joints in common, {', '.join(common)}"
        )
        raise InputError.plain(people.source, "", sentence)
    times = median_milliseconds(predictors)
    rows = zip(
        *(files, short_names(files), predictors, evaluations, times), strict=True
    )
    return Comparison(
        metric=evaluations[0].metric,
        joints=common,
        people=evaluations[0].scores.people,
        files=tuple(
            Compared(
                name=name,
                joints=predictor.joint_set.num_joints,
                score=evaluation.scores.mean,
                auc=getattr(evaluation.scores, "auc", None),
                milliseconds=milliseconds,
                size=Path(file).stat().st_size,
            )
            for file, name, predictor, evaluation, milliseconds in rows
        ),
    )


def _opened(file):
    if file.suffix == ".tflite":
        return tflite_predictor(file, threads=1)
    return load_predictor(file)


def median_milliseconds(predictors: Sequence[Predictor]) -> list[float]:
    """The median time of each predictor for one crop, all in turn."""
    random = np.random.default_rng(0)
    crops = [
        random.random((1, each.input_size, each.input_size, 3)) for each in predictors
    ]
    times = [
        [_milliseconds(*each) for each in zip(predictors, crops, strict=True)]
        for _ in tracked(range(ROUNDS), "timing", timed=True)
    ]
    return np.median(times, axis=(0, 2)).tolist()


def _milliseconds(predictor, crop):
    predictor(crop)
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        predictor(crop)
        times.append(1000 * (time.perf_counter() - started))
    return times
