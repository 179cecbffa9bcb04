"""PCKh, PCK and their area under the curve, as in the official evaluations.

N people, K joints, T thresholds; coordinates in image pixels (x, y).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.joints import LSP, MPII, JointSet

PCKH_LIMIT = 0.5
PCK_LIMIT = 0.2
THRESHOLD_STEP = 0.01
NEAR_HIT = 3.0
TORSO = ("left_shoulder", "right_hip")


@dataclass(frozen=True, eq=False)
class Scores:
    """Share of joints found, in percent; NaN where nothing was annotated.

    Args:
        groups: Head, Shoulder, ... -> mean of the group's joints.
        joints: scored joint -> share of its annotations found.
        mean: the score: all annotations pooled, the official Total; of OKS its AP.
        joint_mean: unweighted mean over joints.
        auc: pooled share averaged over the thresholds (trapezoid).
        counts: scored joint -> annotations it was scored on.
        people: people scored.
        thresholds: (T,) distances from 0 to the limit, in units of the norm; of OKS
            similarities from 0.5 to 0.95.
        curve: (T,) pooled share found within each threshold.
        details: further scores of the metric by their names, of OKS AP50 to ARl.
    """

    groups: dict[str, float]
    joints: dict[str, float]
    mean: float
    joint_mean: float
    auc: float
    counts: dict[str, int]
    people: int
    thresholds: np.ndarray
    curve: np.ndarray
    details: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """Every field as plain numbers, lists and dicts for JSON; NaN becomes None."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def pckh(
    predicted: np.ndarray,
    ground_truth: np.ndarray,
    head_sizes: np.ndarray,
    annotated: np.ndarray,
    *,
    joint_set: JointSet = MPII,
) -> Scores:
    """PCKh@0.5 (Andriluka et al., CVPR 2014): within half a head size of ground truth.

    Args:
        predicted: (N, K, 2) pixels.
        ground_truth: (N, K, 2) pixels; any value where not annotated.
        head_sizes: (N,) 0.6 x diagonal of the head box in pixels.
        annotated: (N, K) bool, occluded joints included.
        joint_set: names the K joints; those outside its groups are not scored.

    Returns:
        Scores with thresholds 0, 0.01, ..., 0.5 head sizes.

    Raises:
        InputError: shapes that do not fit, a coordinate of an annotated joint that
            is not finite, a head size that is not above 0.

    Example:
        >>> import numpy as np
        >>> from fpd_tf import pckh
        >>> ground_truth = np.zeros((1, 16, 2))
        >>> predicted = ground_truth + [6, 8]
        >>> pckh(predicted, ground_truth, np.array([20]), np.ones((1, 16), bool)).mean
        100.0
    """
    predicted, ground_truth, annotated = checked(
        predicted, ground_truth, annotated, joint_set.num_joints
    )
    sizes = positive("head_sizes", head_sizes, len(ground_truth))
    errors = distances(predicted, ground_truth, annotated) / sizes[:, None]
    return _scores(errors, joint_set, PCKH_LIMIT)


def pck(
    predicted: np.ndarray,
    ground_truth: np.ndarray,
    annotated: np.ndarray,
    *,
    joint_set: JointSet = LSP,
    lengths: np.ndarray | None = None,
) -> Scores:
    """PCK@0.2 (Yang & Ramanan, TPAMI 2013): within 0.2 torso lengths of ground truth.

    The torso is the true distance from left shoulder to right hip, as in the LSP
    evaluation; people without one are left out of the scores and of `Scores.people`.

    Args:
        predicted: (N, K, 2) pixels.
        ground_truth: (N, K, 2) pixels; any value where not annotated.
        annotated: (N, K) bool, occluded joints included.
        joint_set: names the K joints; those outside its groups are not scored.
        lengths: (N,) pixels to use in place of the torso length, NaN where there is
            none.

    Returns:
        Scores with thresholds 0, 0.01, ..., 0.2 lengths.

    Raises:
        InputError: shapes that do not fit, a coordinate of an annotated joint that
            is not finite, or no such joints and no lengths.

    Example:
        >>> import numpy as np
        >>> from fpd_tf import LSP, pck
        >>> ground_truth = np.zeros((1, 14, 2))
        >>> ground_truth[0, LSP.index("left_shoulder")] = [0, 100]
        >>> pck(ground_truth + [0, 20], ground_truth, np.ones((1, 14), bool)).mean
        100.0
    """
    predicted, ground_truth, annotated = checked(
        predicted, ground_truth, annotated, joint_set.num_joints
    )
    if lengths is None:
        ends = [joint_set.find(joint) for joint in TORSO]
        if None in ends:
            expected = f"{' and '.join(TORSO)}, or lengths"
            received = ", ".join(joint_set.joints)
            raise InputError(f"joint set {joint_set.name}", "", expected, received)
        lengths = lengths_between(ground_truth, annotated, *ends)
    lengths = np.asarray(lengths, float)
    if lengths.shape != ground_truth.shape[:1]:
        raise InputError("lengths", "shape", f"({len(ground_truth)},)", lengths.shape)
    kept = (lengths > 0) & np.isfinite(lengths)
    errors = distances(predicted[kept], ground_truth[kept], annotated[kept])
    return _scores(errors / lengths[kept, None], joint_set, PCK_LIMIT)


def lengths_between(
    ground_truth: np.ndarray, annotated: np.ndarray, one: int, other: int
) -> np.ndarray:
    """(N,) true distances of two joints in pixels, NaN where one is not annotated.

    Args:
        ground_truth: (N, K, 2) pixels.
        annotated: (N, K) bool.
        one: index of a joint.
        other: index of another.
    """
    known = annotated[:, one] & annotated[:, other]
    offsets = ground_truth[:, one].astype(float) - ground_truth[:, other]
    offsets = np.where(known[:, None], offsets, np.nan)
    return np.linalg.norm(offsets, axis=-1)


def signed_error(
    predicted: np.ndarray,
    ground_truth: np.ndarray,
    annotated: np.ndarray,
    units: np.ndarray,
) -> np.ndarray:
    """Median (x, y) of predicted - ground_truth in heatmap pixels: bias of decoding.

    Zero for an unbiased decoder. A bias of a quarter of a heatmap pixel hardly changes
    PCKh@0.5, but changes AUC by about 4 points: check it before comparing AUC. Only
    joints within 3 heatmap pixels count; farther ones are misses.

    Args:
        predicted: (N, K, 2) image pixels.
        ground_truth: (N, K, 2) image pixels; any value where not annotated.
        annotated: (N, K) bool.
        units: (N,) image pixels for each heatmap pixel.

    Returns:
        (2,) float64; NaN where no joint is that near.

    Raises:
        InputError: shapes that do not fit, a coordinate of an annotated joint that
            is not finite, a unit that is not above 0.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.evaluation.metrics import signed_error
        >>> ground_truth = np.zeros((1, 16, 2))
        >>> predicted, known = ground_truth + [2, -1], np.ones((1, 16))
        >>> signed_error(predicted, ground_truth, known, np.array([4]))
        array([ 0.5 , -0.25])
    """
    predicted, ground_truth, annotated = checked(predicted, ground_truth, annotated)
    units = positive("units", units, len(ground_truth))
    units = np.broadcast_to(units[:, None], annotated.shape)[annotated]
    errors = (predicted[annotated] - ground_truth[annotated]) / units[:, None]
    near = errors[np.linalg.norm(errors, axis=-1) <= NEAR_HIT]
    return np.median(near, axis=0) if len(near) else np.full(2, np.nan)


def _scores(errors: np.ndarray, joint_set: JointSet, limit: float) -> Scores:
    """Scores of (N, K) distances in units of the norm, NaN where not annotated."""
    names = [joint_set.joints[joint] for joint in joint_set.scored]
    errors = errors[:, joint_set.scored]
    known = ~np.isnan(errors)
    counts = known.sum(axis=0)
    rates = percent((errors <= limit).sum(axis=0), counts)
    joints = dict(zip(names, rates.tolist(), strict=True))
    thresholds = np.linspace(0, limit, round(limit / THRESHOLD_STEP) + 1)
    found = np.searchsorted(np.sort(errors[known]), thresholds, side="right")
    curve = percent(found, counts.sum())
    return Scores(
        groups={
            group: mean_of_known(
                [joints[joint_set.joints[member]] for member in members]
            )
            for group, members in joint_set.groups.items()
        },
        joints=joints,
        mean=float(curve[-1]),
        joint_mean=mean_of_known(rates),
        auc=float(np.trapezoid(curve, thresholds / limit)),
        counts=dict(zip(names, counts.tolist(), strict=True)),
        people=len(errors),
        thresholds=thresholds,
        curve=curve,
    )


def distances(
    predicted: np.ndarray, ground_truth: np.ndarray, annotated: np.ndarray
) -> np.ndarray:
    """(N, K) pixels from the ground truth, NaN where not annotated."""
    found = np.full(annotated.shape, np.nan)
    offsets = predicted[annotated] - ground_truth[annotated]
    found[annotated] = np.linalg.norm(offsets, axis=-1)
    return found


def percent(found: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`found` in percent of `counts`; NaN where that is 0."""
    shares = np.full(found.shape, np.nan)
    return np.divide(100.0 * found, counts, out=shares, where=counts > 0)


def mean_of_known(rates: list[float] | np.ndarray) -> float:
    """Mean of the rates that are not NaN; NaN where there is none."""
    known = [rate for rate in rates if not np.isnan(rate)]
    return float(np.mean(known)) if known else float("nan")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    return None if np.isnan(value) else value


def checked(
    predicted: np.ndarray,
    ground_truth: np.ndarray,
    annotated: np.ndarray,
    joints: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three as float64, float64 and bool once their shapes and values fit."""
    predicted = np.asarray(predicted, float)
    ground_truth = np.asarray(ground_truth, float)
    annotated = np.asarray(annotated, bool)
    joints = joints or (ground_truth.shape[1] if ground_truth.ndim == 3 else "K")
    if ground_truth.ndim != 3 or ground_truth.shape[1:] != (joints, 2):
        raise InputError(
            "ground_truth", "shape", f"(N, {joints}, 2)", ground_truth.shape
        )
    if predicted.shape != ground_truth.shape:
        raise InputError("predicted", "shape", f"{ground_truth.shape}", predicted.shape)
    if annotated.shape != ground_truth.shape[:2]:
        raise InputError(
            "annotated", "shape", f"{ground_truth.shape[:2]}", annotated.shape
        )
    for name, points in (("predicted", predicted), ("ground_truth", ground_truth)):
        broken = np.argwhere(annotated & ~np.isfinite(points).all(axis=-1))
        if len(broken):
            person, joint = broken[0]
            where = f"person {person}, joint {joint}"
            raise InputError(name, where, "finite pixels", points[person, joint])
    return predicted, ground_truth, annotated


def positive(name: str, values: np.ndarray, people: int) -> np.ndarray:
    """The values as (N,) float64 once there is one above 0 for each person.

    Raises:
        InputError: another shape, or a value that is not finite and above 0.
    """
    values = np.asarray(values, float)
    if values.shape != (people,):
        raise InputError(name, "shape", f"({people},)", values.shape)
    broken = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(broken):
        person = broken[0]
        raise InputError(name, f"person {person}", "pixels above 0", values[person])
    return values
