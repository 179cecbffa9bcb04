"""Scoring any network on people.

N people, B batch, S input size, H = W heatmap size, K joints.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fpd_tf.data.people import People, checked_people
from fpd_tf.data.pipeline import DataConfig, broken_files_named, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.evaluation.by_name import common_joints, only_joints, with_names_of
from fpd_tf.evaluation.metrics import Scores, pck, pckh, signed_error
from fpd_tf.evaluation.oks import oks_ap
from fpd_tf.evaluation.reference import reference_lengths
from fpd_tf.geometry import apply_matrix, crop_matrices, invert_matrix
from fpd_tf.joint_maps import joint_map
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Predictor
from fpd_tf.predictors.views import with_flip
from fpd_tf.progress import tracked

PAPER_SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of a model on people, and the predictions that they follow from.

    Args:
        metric: "PCKh@0.5", "PCK@0.2" or "OKS AP", by the people's metric.
        scores: percentages by group and joint, mean, AUC and counts.
        signed_error: (2,) median predicted - true (x, y) in heatmap pixels; if far from
            zero, decoding is biased and AUC not comparable. In pixels of the crop
            for a network without heatmaps.
        joints: (N, K, 2) predicted image pixels.
        confidences: (N, K) largest heatmap values.
        flip_test: whether the mirrored crop was averaged in.
        scales: factors on the box that were averaged.
    """

    metric: str
    scores: Scores
    signed_error: np.ndarray
    joints: np.ndarray
    confidences: np.ndarray
    flip_test: bool
    scales: tuple[float, ...]

    def as_dict(self) -> dict:
        """Plain values for JSON, without the joints; NaN becomes None."""
        return {
            "metric": self.metric,
            **self.scores.as_dict(),
            "signed_error": [
                None if np.isnan(each) else float(each) for each in self.signed_error
            ],
            "flip_test": self.flip_test,
            "scales": list(self.scales),
        }


def evaluate(
    model: keras.Model | str | Path | Predictor,
    people: People,
    *,
    flip_test: bool = False,
    scales: Sequence[float] = (1.0,),
    batch_size: int = 32,
) -> Evaluation:
    """Scores a network, a .keras or a .tflite file on people.

    A model with other joints is scored on those that it has by name; the others have no
    score.

    Args:
        model: a network, its file, or what `load_predictor` gave.
        people: with the model's joints, or some of them.
        flip_test: average with the mirrored crop, left and right swapped back.
        scales: factors on the person's box whose heatmaps are averaged; the paper's
            multi-scale test is `PAPER_SCALES` with `flip_test` (its authors' PyraNet
            code).
        batch_size: crops at a time; does not change the scores.

    Raises:
        InputError: the model has no joint of the people, its file is bad, there are no
            scales, or a photograph broke or vanished.

    Example:
        >>> import fpd_tf as fpd
        >>> root = fpd.synthesize("people", count=12, seed=0)
        >>> people = fpd.load_mpii(root, split="val")
        >>> evaluation = fpd.evaluate("student.tflite", people)
        >>> evaluation.metric, evaluation.joints.shape
        ('PCKh@0.5', (2, 16, 2))
    """
    scales = _checked_scales(scales)
    if batch_size < 1:
        raise InputError("batch_size", "", "1 or more", batch_size)
    opened = load_predictor(model)
    predictor, people, to_people = _by_name(opened, checked_people(people))
    batches = _batches(predictor, people, scales, batch_size)
    return _evaluated(predictor, people, batches, flip_test, scales, to_people)


def fitting_predictor(
    model: keras.Model | str | Path | Predictor, people: People
) -> Predictor:
    """Opens a model whose joints are those of the people, in the same order.

    A model without joint names is assumed to have theirs, if it has as many.

    Raises:
        InputError: it has other joints.
    """
    wanted = people.joint_set
    predictor = with_names_of(load_predictor(model), wanted)
    found = predictor.joint_set
    if found.joints != wanted.joints:
        expected = f"those of the people, {', '.join(wanted.joints)}"
        raise InputError(predictor.name, "joints", expected, ", ".join(found.joints))
    return replace(predictor, joint_set=wanted)


def _checked_scales(scales):
    try:
        found = tuple(float(scale) for scale in scales)
    except (TypeError, ValueError):
        found = ()
    if not found or not all(0 < scale < np.inf for scale in found):
        expected = "one or more factors above 0 on the box"
        raise InputError("scales", "", expected, repr(scales))
    return found


def _by_name(predictor, people):
    """The predictor, the people with what it can find, and the map to their joints.

    The map is None where the joints are the same.
    """
    predictor = with_names_of(predictor, people.joint_set)
    if predictor.joint_set.joints == people.joint_set.joints:
        return replace(predictor, joint_set=people.joint_set), people, None
    counted = only_joints(people, common_joints(people, [predictor]))
    return predictor, counted, joint_map(predictor.joint_set, people.joint_set)


def _evaluated(
    predictor, people, batches, flip_test=False, scales=(1.0,), to_people=None
):
    predict = with_flip(predictor) if flip_test else predictor
    crops = tracked(batches.as_numpy_iterator(), "evaluating", len(batches))
    with broken_files_named():
        found = [_averaged(predict, at_scales, scales) for at_scales in crops]
    in_crops, confidences = (
        np.concatenate(parts) for parts in zip(*found, strict=True)
    )
    if to_people:
        in_crops = to_people.joints(in_crops)
        confidences = to_people.weights(confidences)
    return evaluation_of(predictor, people, in_crops, confidences, flip_test, scales)


def evaluation_of(
    predictor: Predictor,
    people: People,
    in_crops: np.ndarray,
    confidences: np.ndarray,
    flip_test: bool = False,
    scales: tuple[float, ...] = (1.0,),
) -> Evaluation:
    """Scores the predictions for the crops of people.

    Args:
        predictor: that made them.
        people: N, in the order of the predictions.
        in_crops: (N, K, 2) crop pixels.
        confidences: (N, K).
        flip_test: whether the mirrored crop was averaged in.
        scales: factors on the box that were averaged.
    """
    size = predictor.input_size
    to_image = invert_matrix(crop_matrices(people.boxes, size))
    joints = apply_matrix(to_image, in_crops)
    metric, scores = _scores(joints, confidences, people)
    cells = predictor.codec.size if predictor.codec else size
    units = np.array([box.side for box in people.boxes]) / cells
    return Evaluation(
        metric=metric,
        scores=scores,
        signed_error=signed_error(joints, people.joints, people.annotated, units),
        joints=joints.astype(np.float32),
        confidences=confidences,
        flip_test=flip_test,
        scales=scales,
    )


def scorer(people: People) -> Callable[[keras.Model], dict[str, float]]:
    """Mean and AUC of a network on people, for `train(score=...)`.

    Network and input are traced at the first call only, so ask about one network.
    """

    @cache
    def prepared(network):
        predictor = fitting_predictor(network, people)
        return predictor, people, _batches(predictor, people)

    def score(network):
        scores = _evaluated(*prepared(network)).scores
        return {"mean": scores.mean, "auc": scores.auc}

    return score


def _batches(predictor, people, scales=(1.0,), batch_size=32):
    """What `make_dataset` gives for each scale, side by side."""
    config = DataConfig(input_size=predictor.input_size, batch_size=batch_size)
    datasets = [make_dataset(_rescaled(people, scale), config) for scale in scales]
    return tf.data.Dataset.zip(tuple(datasets))


def _averaged(predict, at_scales, scales):
    """Joints in the crop of scale 1, and scores, of one batch."""
    if scales == (1.0,):
        found = predict(at_scales[0][0])
        return found.joints, found.scores
    maps = [
        _at_scale_one(predict.heatmaps(images), scale)
        for scale, (images, _, _) in zip(scales, at_scales, strict=True)
    ]
    return predict.codec.decode(np.mean(maps, axis=0))


def _rescaled(people, scale):
    return people.of(replace(person, box=person.box.scaled(scale)) for person in people)


def _at_scale_one(heatmaps, scale):
    """Resamples heatmaps of a box `scale` times as wide; what it leaves out is zero."""
    if scale == 1.0:
        return heatmaps
    size = heatmaps.shape[1]
    shift = (size - 1) / 2 * (1 - 1 / scale)
    transform = [1 / scale, 0.0, shift, 0.0, 1 / scale, shift, 0.0, 0.0]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=heatmaps,
        transforms=[transform],
        output_shape=[size, size],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    ).numpy()


def _scores(joints, confidences, people):
    """The name of the people's metric, and its scores."""
    ground_truth, annotated, of = people.joints, people.annotated, people.joint_set
    if people.metric == "pckh":
        heads = people.head_sizes
        return "PCKh@0.5", pckh(joints, ground_truth, heads, annotated, joint_set=of)
    if people.metric == "oks":
        areas = np.array([person.area for person in people], float)
        images = [person.photograph for person in people]
        found = joints, ground_truth, annotated, areas, confidences, images
        return "OKS AP", oks_ap(*found, joint_set=of)
    name, lengths = reference_lengths(people)
    return name, pck(joints, ground_truth, annotated, joint_set=of, lengths=lengths)
