"""What a .tflite loses against the network it came from, and how much it may.

N samples, B batch, H W heatmap, K joints.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from fpd_tf.contract.pose_json import contract_path, describe, write_contract
from fpd_tf.data.people import People
from fpd_tf.errors import GateError, InputError
from fpd_tf.evaluation.evaluate import Evaluation, evaluate
from fpd_tf.export.audit import Audit, audit_tflite
from fpd_tf.export.convert import export_tflite
from fpd_tf.export.decode import joints_path
from fpd_tf.predictors.load import load_predictor


@dataclass(frozen=True, eq=False)
class Comparison:
    """A network and a .tflite on the same samples.

    Args:
        network: scores of the Keras network.
        tflite: scores of the file.
        heatmap_error: mean over samples and joints of the largest difference of the two
            heatmaps, in parts of the network's heatmap's height.
        argmax_agreement: heatmaps with the largest cell at the same place, percent.
    """

    network: Evaluation
    tflite: Evaluation
    heatmap_error: float
    argmax_agreement: float

    @property
    def drop(self) -> float:
        """Points of mean score that the file lost; below 0 where it gained."""
        return self.network.scores.mean - self.tflite.scores.mean

    @property
    def joints(self) -> dict[str, float]:
        """Scored joint -> points gained (above 0) or lost."""
        before, after = self.network.scores.joints, self.tflite.scores.joints
        return {joint: after[joint] - before[joint] for joint in before}

    @property
    def decode_bias(self) -> np.ndarray:
        """(2,) how much further off the file decodes (x, y), heatmap pixels."""
        return self.tflite.signed_error - self.network.signed_error

    @property
    def told(self) -> dict[str, float]:
        """The file's scores as they stand in pose.json."""
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


def compare(
    model: keras.Model | str | Path,
    files: Sequence[str | Path],
    samples: People,
) -> list[Comparison]:
    """Runs the one evaluator on a network and on .tflite files made of it.

    Args:
        model: the network or its .keras file, run once.
        files: .tflite files.
        samples: people it was not trained on.

    Returns:
        One comparison for each file.

    Raises:
        InputError: no people, a bad file, or one of another size than the network.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.gate import compare
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> network = fpd.build_model("hourglass_1x256", input_size=64)
        >>> file = fpd.export_tflite(network, "student.tflite")
        >>> (comparison,) = compare(network, [file], people)
        >>> comparison.drop, comparison.argmax_agreement
        (0.0, 100.0)
    """
    if not samples:
        raise InputError("samples", "", "people to compare on", "none")
    network = load_predictor(model)
    predictors = [load_predictor(file) for file in files]
    for predictor in predictors:
        _check_sizes(predictor, network)
    with tempfile.TemporaryFile() as kept:
        keep = replace(network, run=_keeping(network.run, kept))
        before = evaluate(keep, samples)
        comparisons = []
        for predictor in predictors:
            kept.seek(0)
            differences = _Differences(kept)
            watched = replace(predictor, run=differences.watching(predictor.run))
            after = evaluate(watched, samples)
            comparisons.append(
                Comparison(before, after, differences.error(), differences.agreement())
            )
    return comparisons


def check_drop(comparison: Comparison, max_drop: float, name: str) -> None:
    """Holds a file to the points that it may lose.

    Raises:
        GateError: it lost more, or nothing was scored.
    """
    lost = comparison.drop
    if not lost <= max_drop:
        before, after = comparison.network.scores, comparison.tflite.scores
        raise GateError(
            f"{name}: {comparison.network.metric} fell by {lost:.2f} points, from "
            f"{before.mean:.2f} to {after.mean:.2f}; allowed are {max_drop:g}"
        )


def check_loadable(audit: Audit, name: str) -> None:
    """Holds a file to what every app binding and mobile GPU loads.

    Raises:
        GateError: one of them would refuse it.
    """
    if audit.problems:
        raise GateError(f"{name}: {'; '.join(audit.problems)}")


def export_gated(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    held_out: People | None = None,
    max_drop: float = 0.5,
    training_data: str | None = None,
    show: Callable[[Path, Audit, Comparison | None], object] | None = None,
    **options,
) -> Path:
    """`export_tflite` with an audit and an accuracy gate, and pose.json beside it.

    A file of integer input and output is one that some bindings refuse, by choice. An
    older file with the decode inside, which came from the one that is replaced, goes.

    Args:
        model: a Keras network or its .keras file.
        path: the file to write.
        held_out: people to compare network and file on; no accuracy gate where None.
        max_drop: points of mean score that may be lost on them.
        training_data: of the network, for pose.json.
        show: called with the file aside and what was found, before any gate closes.
        options: of `export_tflite`.

    Raises:
        GateError: a binding would refuse the file, or it lost more; the file is not put
            in place.
        InputError: as `export_tflite` does.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.contract.pose_json import read_contract
        >>> from fpd_tf.export.gate import export_gated
        >>> people = fpd.load_mpii(fpd.synthesize("others", count=12), split="val")
        >>> network = fpd.build_model("hourglass_1x256", input_size=64)
        >>> path = export_gated(network, "student.tflite", held_out=people)
        >>> sorted(read_contract("student.pose.json").scores)
        ['AUC', 'PCKh@0.5']
    """
    path = Path(path)
    contracts = []

    def accept(file):
        audit = audit_tflite(file)
        comparison, scores = None, None
        if held_out is not None:
            (comparison,) = compare(model, [file], held_out)
            scores = comparison.told
        if show:
            show(file, audit, comparison)
        if options.get("io", "float32") == "float32":
            check_loadable(audit, path.name)
        if comparison:
            check_drop(comparison, max_drop, path.name)
        facts = {"training_data": training_data, "scores": scores}
        contract = describe(file, joint_set=options.get("joint_set"), **facts)
        named = replace(contract.model, file=path.name)
        contracts.append(replace(contract, model=named))
        joints_path(path).unlink(missing_ok=True)

    export_tflite(model, path, accept=accept, **options)
    write_contract(contract_path(path), *contracts)
    return path


class _Differences:
    """Compares a predictor's heatmaps with those kept of another, batch by batch."""

    def __init__(self, kept):
        self._kept, self._errors, self._agreed = kept, [], []

    def watching(self, run):
        def watched(images):
            found, expected = run(images), np.load(self._kept)
            heatmaps = found.heatmaps
            height = np.ptp(expected, axis=(1, 2)) + 1e-6
            difference = np.abs(heatmaps - expected).max(axis=(1, 2))
            self._errors.append(difference / height)
            self._agreed.append(_largest(heatmaps) == _largest(expected))
            return found

        return watched

    def error(self):
        return float(np.concatenate(self._errors).mean())

    def agreement(self):
        return 100 * float(np.concatenate(self._agreed).mean())


def _keeping(run, kept):
    def keeping(images):
        found = run(images)
        np.save(kept, found.heatmaps)
        return found

    return keeping


def _largest(heatmaps):
    """(B, K) number of the largest cell."""
    batch, height, width, joints = heatmaps.shape
    return heatmaps.reshape(batch, height * width, joints).argmax(axis=1)


def _check_sizes(predictor, network):
    expected, received = (
        (each.codec, each.joint_set.num_joints) for each in (network, predictor)
    )
    if received != expected:
        shapes = "the network's size, heatmaps and joints"
        raise InputError(predictor.name, "shapes", f"{shapes} {expected}", received)


def _plain(value):
    return None if np.isnan(value) else float(value)
