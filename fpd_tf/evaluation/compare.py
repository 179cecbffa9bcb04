"""Accuracy, time and size of networks of any kind on the same people.

A network is shown one crop of each person, or, as a teacher is, several views of it.
"""

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
from fpd_tf.predictors.blazepose import UprightPredictor
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.mapped import mapped
from fpd_tf.predictors.predictor import Predictor
from fpd_tf.predictors.tflite import tflite_predictor
from fpd_tf.predictors.vote import Views, voted
from fpd_tf.progress import tracked
from fpd_tf.shipped import model_file

ROUNDS, RUNS = 5, 5
TOGETHER = "all files, voted"


@dataclass(frozen=True)
class Compared:
    """The results of one file, or of all together.

    Args:
        name: of the file; its path where two share a name. "all files, voted" for the
            vote.
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


def compare(
    files: Sequence[str | Path],
    people: People,
    views: Views | None = None,
    *,
    vote: bool = False,
) -> Comparison:
    """Scores and times files on the same people, joints matched by name.

    Only joints count that the people and all files have by name, without midpoints. A
    network without joint names is assumed to have the people's, if it has as many.

    Args:
        files: .keras and .tflite files of any kind, or names of shipped students (their
            int8 files).
        people: annotated.
        views: None for one crop of each person; else those that a teacher gets,
            combined by a vote. BlazePose's crop is rotated by the result of the other
            files, if any.
        vote: whether to score the vote of all files too, as of several teachers.

    Raises:
        InputError: no file, a bad one, no joint in common, a bad photograph, or a vote
            without views or of a single file.

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
    for file in files:
        if not isinstance(file, str | Path):
            expected = "names of .keras and .tflite files"
            raise InputError("files", "", expected, type(file).__name__)
    if vote and (views is None or len(files) == 1):
        sentence = "it needs two files or more, and views of them (--views)"
        raise InputError.plain("vote", "", sentence)
    files = [model_file(file) for file in files]
    opened = [with_names_of(_opened(file), people.joint_set) for file in files]
    common = common_joints(people, opened)
    entries = _entries(files, opened, views, vote)
    counted = only_joints(people, common)
    evaluations = [
        evaluate(mapped(predictor, people.joint_set), counted)
        for _, predictor, _ in entries
    ]
    if not evaluations[0].scores.people:
        sentence = (
            f"no person can be scored by the joints in common, {', '.join(common)}"
        )
        raise InputError.plain(people.source, "", sentence)
    times = median_milliseconds([predictor for _, predictor, _ in entries])
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
                size=size,
            )
            for (name, predictor, size), evaluation, milliseconds in zip(
                entries, evaluations, times, strict=True
            )
        ),
    )


def _entries(files, opened, views, vote):
    """Name, predictor and bytes of each file as it is shown people, and of the vote."""
    sizes = [file.stat().st_size for file in files]
    shown = [_with_views(each, opened, views) for each in opened] if views else opened
    entries = list(zip(short_names(files), shown, sizes, strict=True))
    if vote:
        entries.append((TOGETHER, voted(opened, views), sum(sizes)))
    return entries


def _with_views(predictor, opened, views):
    """Several views of one predictor; if it needs upright people, others turn them."""
    others = opened if isinstance(predictor, UprightPredictor) else [predictor]
    return voted(others, views, only=predictor)


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
