"""AP and AR by object keypoint similarity, computed by pycocotools.

N people, K joints; coordinates in image pixels (x, y).
"""

import logging
from collections.abc import Hashable, Sequence
from contextlib import redirect_stdout
from functools import cache
from io import StringIO

import numpy as np
from pycocotools.coco import COCO as CocoTable
from pycocotools.cocoeval import COCOeval

from fpd_tf.errors import InputError
from fpd_tf.evaluation.metrics import (
    Scores,
    checked,
    distances,
    mean_of_known,
    percent,
    positive,
)
from fpd_tf.joints import COCO, JointSet

logger = logging.getLogger("fpd_tf")

THRESHOLDS = np.linspace(0.5, 0.95, 10)
_STATISTICS = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


def oks_ap(
    predicted: np.ndarray,
    ground_truth: np.ndarray,
    annotated: np.ndarray,
    areas: np.ndarray,
    confidences: np.ndarray,
    images: Sequence[Hashable],
    *,
    joint_set: JointSet = COCO,
) -> Scores:
    """OKS AP (Lin et al.; cocodataset.org/#keypoints-eval): pycocotools' own numbers.

    Each person is one detection, with the mean of its joints' confidences as the score.
    As in COCO, it is matched to the person on its image that it fits best, and at most
    20 people of an image count. Unlike in COCO, detections on crowds and on people
    without labelled joints are not ignored but count as wrong, since these people are
    left out.

    Args:
        predicted: (N, K, 2) pixels.
        ground_truth: (N, K, 2) pixels; any value where not annotated.
        annotated: (N, K) bool, occluded joints included; people without are left out.
        areas: (N,) pixels that each person covers.
        confidences: (N, K).
        images: N, which image each person is on.
        joint_set: names the K joints; without sigmas of its own each has the mean of
            COCO's, and a log line.

    Returns:
        Scores whose mean is AP and whose details are pycocotools' ten numbers, NaN for
        its -1. `groups` and `joints` are shares of annotations whose own similarity is
        0.5 or more, `curve` that share of all of them at 0.5, 0.55, ..., 0.95, and
        `auc` its mean.

    Raises:
        InputError: shapes that do not fit, a coordinate of an annotated joint or a
            confidence that is not finite, an area that is not above 0.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.evaluation.oks import oks_ap
        >>> ground_truth = np.arange(34.0).reshape(1, 17, 2)
        >>> known, sure = np.ones((1, 17), bool), np.ones((1, 17))
        >>> found, areas = ground_truth + 1, np.array([2000])
        >>> scores = oks_ap(found, ground_truth, known, areas, sure, ["a"])
        >>> round(scores.mean, 1), round(scores.joints["nose"], 1)
        (90.0, 100.0)
    """
    predicted, ground_truth, annotated = checked(
        predicted, ground_truth, annotated, joint_set.num_joints
    )
    areas = positive("areas", areas, len(ground_truth))
    confidences = _checked_confidences(confidences, annotated.shape)
    if len(images) != len(ground_truth):
        expected = f"{len(ground_truth)}, one for each person"
        raise InputError("images", "", expected, len(images))
    kept = annotated.any(axis=1)
    predicted, ground_truth = predicted[kept], ground_truth[kept]
    annotated = annotated[kept]
    areas, confidences = areas[kept], confidences[kept]
    images = [image for image, known in zip(images, kept, strict=True) if known]
    sigmas = np.array(joint_set.sigmas or _mean_sigmas(joint_set))
    table = _ground_truth_table(ground_truth, annotated, areas, images)
    details = _statistics(table, predicted, confidences, sigmas)
    with np.errstate(invalid="ignore"):
        errors = distances(predicted, ground_truth, annotated)
        similarities = np.exp(-(errors**2) / (8 * sigmas**2 * areas[:, None]))
    return _scores(similarities, joint_set, details)


def _checked_confidences(confidences, shape):
    confidences = np.asarray(confidences, float)
    if confidences.shape != shape:
        raise InputError("confidences", "shape", f"{shape}", confidences.shape)
    if not np.isfinite(confidences).all():
        person = np.argwhere(~np.isfinite(confidences))[0][0]
        expected, received = "finite numbers", confidences[person].tolist()
        raise InputError("confidences", f"person {person}", expected, received)
    return confidences


@cache
def _mean_sigmas(joint_set):
    """Logged once for a joint set, however often it is scored."""
    mean = float(np.mean(COCO.sigmas))
    logger.warning(
        "joint set %s has no sigmas: OKS uses %.3f for each joint, the mean of COCO's",
        *(joint_set.name, mean),
    )
    return (mean,) * joint_set.num_joints


def _ground_truth_table(ground_truth, annotated, areas, images):
    numbers = {image: number for number, image in enumerate(dict.fromkeys(images), 1)}
    people = zip(ground_truth, annotated, areas, images, strict=True)
    return {
        "images": [{"id": number} for number in numbers.values()],
        "categories": [{"id": 1}],
        "annotations": [
            {
                "id": person,
                "image_id": numbers[image],
                "category_id": 1,
                "iscrowd": 0,
                "area": area,
                "bbox": _around(joints[known]),
                "keypoints": _row(np.where(known[:, None], joints, 0), 2 * known),
                "num_keypoints": int(known.sum()),
            }
            for person, (joints, known, area, image) in enumerate(people, 1)
        ],
    }


def _statistics(table, predicted, confidences, sigmas):
    """pycocotools' ten numbers in percent; NaN without people, whom it cannot take."""
    if not len(predicted):
        return dict.fromkeys(_STATISTICS, np.nan)
    detections = [
        {
            "image_id": person["image_id"],
            "category_id": 1,
            "keypoints": _row(joints, np.ones(len(joints))),
            "score": float(np.mean(scores)),
        }
        for person, joints, scores in zip(
            table["annotations"], predicted, confidences, strict=True
        )
    ]
    with redirect_stdout(StringIO()):
        known = CocoTable()
        known.dataset = table
        known.createIndex()
        run = COCOeval(known, known.loadRes(detections), "keypoints")
        run.params.kpt_oks_sigmas = sigmas
        run.evaluate()
        run.accumulate()
        run.summarize()
    numbers = [100 * each if each >= 0 else np.nan for each in run.stats.tolist()]
    return dict(zip(_STATISTICS, numbers, strict=True))


def _scores(similarities, joint_set, details):
    names = [joint_set.joints[joint] for joint in joint_set.scored]
    similarities = similarities[:, joint_set.scored]
    known = ~np.isnan(similarities)
    counts = known.sum(axis=0)
    rates = percent((similarities >= THRESHOLDS[0]).sum(axis=0), counts)
    joints = dict(zip(names, rates.tolist(), strict=True))
    found = np.array([(similarities >= least).sum() for least in THRESHOLDS])
    curve = percent(found, counts.sum())
    return Scores(
        groups={
            group: mean_of_known([joints[joint_set.joints[at]] for at in members])
            for group, members in joint_set.groups.items()
        },
        joints=joints,
        mean=details["AP"],
        joint_mean=mean_of_known(rates),
        auc=float(curve.mean()),
        counts=dict(zip(names, counts.tolist(), strict=True)),
        people=len(similarities),
        thresholds=THRESHOLDS,
        curve=curve,
        details=details,
    )


def _row(joints, flags):
    """x, y, v of each joint, as one list."""
    return np.column_stack([joints, flags]).ravel().tolist()


def _around(joints):
    low, high = joints.min(axis=0), joints.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]
