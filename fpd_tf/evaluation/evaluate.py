"""The one evaluator: any model file x samples -> scores.

N samples, B batch, S input size, H = W heatmap size, K joints.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fpd_tf.codec import decode_heatmaps
from fpd_tf.data.people import Sample
from fpd_tf.data.pipeline import DataConfig, broken_files_named, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.evaluation.metrics import Scores, pck, pckh, signed_error
from fpd_tf.geometry import apply_matrix, crop_matrix, invert_matrix
from fpd_tf.joints import JointSet, joint_set_of
from fpd_tf.predictors.predictor import Predictor, load_predictor, with_flip
from fpd_tf.progress import tracked

PAPER_SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of a model on samples, and what they were computed from.

    Args:
        metric: "PCKh@0.5" where every sample has a head size, else "PCK@0.2".
        scores: percentages by group and joint, mean, AUC and counts.
        signed_error: (2,) median predicted - true (x, y) in heatmap pixels; far from
            zero, it says that decoding is biased and AUC not comparable.
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
        """Plain values for JSON, without the joints."""
        return {
            "metric": self.metric,
            **self.scores.as_dict(),
            "signed_error": self.signed_error.tolist(),
            "flip_test": self.flip_test,
            "scales": list(self.scales),
        }


def evaluate(
    model: keras.Model | str | Path | Predictor,
    samples: Sequence[Sample],
    *,
    flip_test: bool = False,
    scales: Sequence[float] = (1.0,),
    joint_set: JointSet | None = None,
    batch_size: int = 32,
) -> Evaluation:
    """Scores a network, a .keras or a .tflite file on samples.

    Args:
        model: a network, its file, or what `load_predictor` gave.
        samples: people with the model's joints.
        flip_test: average with the mirrored crop, left and right swapped back.
        scales: factors on the person's box whose heatmaps are averaged; the paper's
            multi-scale test is `PAPER_SCALES` with `flip_test` (its authors' PyraNet
            code).
        joint_set: of the samples; by the number of joints where None.
        batch_size: crops at a time; no score depends on it.

    Raises:
        InputError: the model has other joints than the samples, its file is bad, or a
            photograph broke or vanished.

    Example:
        >>> import fpd_tf as fpd
        >>> root = fpd.synthesize("people", count=12, seed=0)
        >>> model = fpd.build_model("hourglass_1x256", input_size=64)
        >>> evaluation = fpd.evaluate(model, fpd.load_mpii(root, split="val"))
        >>> evaluation.metric, evaluation.joints.shape
        ('PCKh@0.5', (2, 16, 2))
    """
    joint_set = joint_set or joint_set_of(len(samples[0].joints))
    predictor, scales = _predictor(model, joint_set), tuple(scales)
    batches = _batches(predictor, samples, joint_set, scales, batch_size)
    return _evaluated(predictor, samples, joint_set, batches, flip_test, scales)


def _predictor(model, joint_set):
    predictor = model if isinstance(model, Predictor) else load_predictor(model)
    if predictor.num_joints != joint_set.num_joints:
        expected = f"the samples' {joint_set.num_joints} ({joint_set.name})"
        raise InputError(predictor.name, "joints", expected, predictor.num_joints)
    return predictor


def _evaluated(predictor, samples, joint_set, batches, flip_test=False, scales=(1.0,)):
    predict = with_flip(predictor, joint_set) if flip_test else predictor
    crops = tracked(batches.as_numpy_iterator(), "evaluating", len(batches))
    with broken_files_named(samples):
        decoded = [
            decode_heatmaps(_averaged_heatmaps(predict, at_scales, scales))
            for at_scales in crops
        ]
    crops, confidences = (np.concatenate(parts) for parts in zip(*decoded, strict=True))
    joints = apply_matrix(_crop_to_image(samples, predictor.input_size), crops)
    metric, scores = _scores(joints, samples, joint_set)
    return Evaluation(
        metric=metric,
        scores=scores,
        signed_error=signed_error(
            joints,
            np.stack([sample.joints for sample in samples]),
            np.stack([sample.annotated for sample in samples]),
            np.array([200 * sample.scale for sample in samples])
            / predictor.heatmap_size[1],
        ),
        joints=joints.astype(np.float32),
        confidences=confidences,
        flip_test=flip_test,
        scales=scales,
    )


def scorer(
    samples: Sequence[Sample], joint_set: JointSet | None = None
) -> Callable[[keras.Model], dict[str, float]]:
    """Mean and AUC of a network on samples, for `train(score=...)`.

    Network and input are traced at the first call only, so ask about one network.
    """
    joint_set = joint_set or joint_set_of(len(samples[0].joints))

    @cache
    def prepared(network):
        predictor = _predictor(network, joint_set)
        return predictor, _batches(predictor, samples, joint_set)

    def score(network):
        predictor, batches = prepared(network)
        scores = _evaluated(predictor, samples, joint_set, batches).scores
        return {"mean": scores.mean, "auc": scores.auc}

    return score


def _batches(predictor, samples, joint_set, scales=(1.0,), batch_size=32):
    """What `make_dataset` gives for each scale, side by side."""
    config = DataConfig(input_size=predictor.input_size, batch_size=batch_size)
    datasets = [
        make_dataset(_rescaled(samples, scale), config, joint_set=joint_set)
        for scale in scales
    ]
    return tf.data.Dataset.zip(tuple(datasets))


def _averaged_heatmaps(predict, at_scales, scales) -> np.ndarray:
    """(B, H, W, K) heatmaps of one batch, in the crop of scale 1."""
    maps = [
        _at_scale_one(predict(images), scale)
        for scale, (images, _, _) in zip(scales, at_scales, strict=True)
    ]
    return np.mean(maps, axis=0)


def _rescaled(samples, scale):
    return [replace(sample, scale=sample.scale * scale) for sample in samples]


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


def _crop_to_image(samples, size):
    return np.stack(
        [
            invert_matrix(crop_matrix(sample.center, sample.scale, size))
            for sample in samples
        ]
    )


def _scores(joints, samples, joint_set):
    truth = np.stack([sample.joints for sample in samples])
    annotated = np.stack([sample.annotated for sample in samples])
    heads = [sample.head_size for sample in samples]
    if None in heads:
        return "PCK@0.2", pck(joints, truth, annotated, joint_set=joint_set)
    sizes = np.array(heads)
    return "PCKh@0.5", pckh(joints, truth, sizes, annotated, joint_set=joint_set)
