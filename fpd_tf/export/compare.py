"""Scores of .tflite files and of the Keras network that they were exported from.

N people, B batch, H W heatmap, K joints.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fpd_tf.data.people import People
from fpd_tf.data.pipeline import DataConfig, broken_files_named, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import Evaluation, evaluation_of, fitting_predictor
from fpd_tf.predictors.predictor import Prediction, Predictor
from fpd_tf.progress import tracked
from fpd_tf.shipped import model_file


@dataclass(frozen=True, eq=False)
class NetworkComparison:
    """A network and a .tflite on the same people.

    Args:
        network: scores of the Keras network.
        tflite: scores of the file.
        heatmap_error: mean over people and joints of the largest difference of the two
            heatmaps, relative to the range of the network's.
        argmax_agreement: heatmaps with the same argmax, percent.
    """

    network: Evaluation
    tflite: Evaluation
    heatmap_error: float
    argmax_agreement: float

    @property
    def drop(self) -> float:
        """Points of mean score that the file lost; negative if it gained."""
        return self.network.scores.mean - self.tflite.scores.mean

    @property
    def joints(self) -> dict[str, float]:
        """Scored joint -> points gained (above 0) or lost."""
        before, after = self.network.scores.joints, self.tflite.scores.joints
        return {joint: after[joint] - before[joint] for joint in before}

    @property
    def decode_bias(self) -> np.ndarray:
        """(2,) change of the decoding bias (x, y), heatmap pixels."""
        return self.tflite.signed_error - self.network.signed_error

    @property
    def reported_scores(self) -> dict[str, float]:
        """The file's scores, as in pose.json."""
        after = self.tflite
        scores = {after.metric: after.scores.mean, "AUC": after.scores.auc}
        return {name: round(score, 2) for name, score in scores.items()}

    def as_dict(self) -> dict:
        """Plain values for JSON; NaN becomes None."""
        return {
            "drop": _plain(self.drop),
            "joints": {joint: _plain(each) for joint, each in self.joints.items()},
            "heatmap_error": self.heatmap_error,
            "argmax_agreement": self.argmax_agreement,
            "decode_bias": [_plain(each) for each in self.decode_bias],
            "network": self.network.as_dict(),
            "tflite": self.tflite.as_dict(),
        }


def compare_with_network(
    model: keras.Model | str | Path, files: Sequence[str | Path], people: People
) -> list[NetworkComparison]:
    """Runs a network and .tflite files made of it on the same crops, and scores them.

    Args:
        model: the network or its .keras file, run once.
        files: .tflite files.
        people: that the network was not trained on.

    Returns:
        One comparison for each file.

    Raises:
        InputError: no people, a bad file, or one of another size than the network.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.compare import compare_with_network
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> files = ["student.tflite"]
        >>> (comparison,) = compare_with_network("student.keras", files, people)
        >>> comparison.drop, comparison.argmax_agreement
        (0.0, 100.0)
    """
    if not people:
        raise InputError("samples", "", "people to compare network and file on", "none")
    if not isinstance(model, keras.Model):
        model = model_file(model, "keras")
    predictors = [fitting_predictor(each, people) for each in (model, *files)]
    for predictor in predictors:
        _check_sizes(predictor, predictors[0])
    found = [
        [_held_against(batch[0], each) for each in batch]
        for batch in _looked_at(predictors, people)
    ]
    evaluations, differences = [], []
    for predictor, batches in zip(predictors, zip(*found, strict=True), strict=True):
        columns = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        joints, scores, errors, agreed = columns
        evaluations.append(evaluation_of(predictor, people, joints, scores))
        differences.append((float(errors.mean()), 100 * float(agreed.mean())))
    return [
        NetworkComparison(evaluations[0], evaluation, *difference)
        for evaluation, difference in zip(evaluations, differences, strict=True)
    ][1:]


def _looked_at(
    predictors: list[Predictor], people: People
) -> Iterator[list[Prediction]]:
    """Batch by batch, each predictor's prediction for the people's crops."""
    config = DataConfig(input_size=predictors[0].input_size, batch_size=32)
    batches = make_dataset(people, config)
    with broken_files_named():
        for images, _, _ in tracked(
            batches.as_numpy_iterator(), "comparing", len(batches)
        ):
            yield [predictor(images) for predictor in predictors]


def _held_against(network, file):
    """Joints, scores, and (B, K) errors and agreement of a file's predictions."""
    height = np.ptp(network.heatmaps, axis=(1, 2)) + 1e-6
    difference = np.abs(file.heatmaps - network.heatmaps).max(axis=(1, 2))
    agreed = _largest(file.heatmaps) == _largest(network.heatmaps)
    return file.joints, file.scores, difference / height, agreed


def _largest(heatmaps):
    """(B, K) number of the largest cell."""
    batch, height, width, joints = heatmaps.shape
    return heatmaps.reshape(batch, height * width, joints).argmax(axis=1)


def _check_sizes(predictor, network):
    predictor.check_heatmaps()
    expected, received = (
        (each.codec, each.joint_set.num_joints) for each in (network, predictor)
    )
    if received != expected:
        shapes = "the network's size, heatmaps and joints"
        raise InputError(predictor.name, "shapes", f"{shapes} {expected}", received)


def _plain(value):
    return None if np.isnan(value) else float(value)
