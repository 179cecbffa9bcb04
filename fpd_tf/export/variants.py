"""Every quantization scheme of one student: score, time and size."""

import json
from dataclasses import dataclass
from pathlib import Path

import keras

from fpd_tf.contract.pose_json import contract_path, describe, write_contract
from fpd_tf.data.people import People
from fpd_tf.evaluation.plots import plot_variants
from fpd_tf.export.benchmark import Benchmark, benchmark
from fpd_tf.export.compare import NetworkComparison, compare_with_network
from fpd_tf.export.convert import QUANTIZATIONS, export_tflite
from fpd_tf.files import folder_written_whole


@dataclass(frozen=True, eq=False)
class Variant:
    """Accuracy and cost of one file.

    Args:
        comparison: with the Keras network, on the held-out people.
        benchmark: against the file that is not quantized.
    """

    comparison: NetworkComparison
    benchmark: Benchmark

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return {**self.comparison.as_dict(), "benchmark": self.benchmark.as_dict()}


def export_variants(
    model: keras.Model | str | Path,
    out: str | Path,
    samples: People,
    held_out: People,
    *,
    training_data: str | None = None,
    calibration_count: int = 256,
    rounds: int = 5,
    runs: int = 20,
) -> dict[str, Variant]:
    """Writes `student.QUANTIZATION.tflite` for each, variants.json and variants.png.

    Args:
        model: a Keras network or its .keras file.
        out: new folder.
        samples: people of the training set, to calibrate on.
        held_out: people to compare on.
        training_data: of the network, for the contracts.
        calibration_count: crops to measure ranges on.
        rounds: of timing, over all files.
        runs: of a file in each round.

    Returns:
        Quantization -> variant.

    Raises:
        InputError: something is in the folder, or as `export_tflite` does.

    Example:
        >>> from fpd_tf import load_lsp
        >>> from fpd_tf.export.variants import export_variants
        >>> people, held_out = load_lsp("lspet"), load_lsp("lspet", "val")
        ... # doctest: +SKIP
        >>> variants = export_variants("student.keras", "variants", people, held_out)
        ... # doctest: +SKIP
    """
    with folder_written_whole(out) as aside:
        files = {name: aside / f"student.{name}.tflite" for name in QUANTIZATIONS}
        for name, file in files.items():
            options = {"quantization": name, "joint_set": held_out.joint_set}
            if name.startswith("int"):
                options |= {"samples": samples, "calibration_count": calibration_count}
            export_tflite(model, file, **options)
        paths = list(files.values())
        comparisons = compare_with_network(model, paths, held_out)
        timed = benchmark(paths, rounds=rounds, runs=runs)
        variants = {
            name: Variant(*both)
            for name, *both in zip(files, comparisons, timed, strict=True)
        }
        for name, file in files.items():
            facts = {"training_data": training_data, "joint_set": held_out.joint_set}
            scores = variants[name].comparison.reported_scores
            contract = describe(file, scores=scores, **facts)
            write_contract(contract_path(file), contract)
        _write_report(aside, variants)
    return variants


def _write_report(folder, variants):
    rows = {name: each.as_dict() for name, each in variants.items()}
    (folder / "variants.json").write_text(json.dumps(rows, indent=2) + "\n")
    drawn = {
        name: (
            each.comparison.tflite.scores.mean,
            each.benchmark.timings[1].median,
            each.benchmark.size / 1e6,
        )
        for name, each in variants.items()
    }
    metric = next(iter(variants.values())).comparison.tflite.metric
    plot_variants(drawn, metric, folder / "variants.png")
