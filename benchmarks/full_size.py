"""The paper's student at its full size, 4x128 at 256 px: how fast, how large?

Speed and size do not depend on what the weights are, so they are random; the crops that
int8 is calibrated on are photographs. Keras's compiled call and the .tflite files run
in turn.

    python -m benchmarks.full_size lspet --out runs/full-size.json
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.export.benchmark import benchmark
from fpd_tf.files import written_whole

VARIANTS = ("none", "float16", "int8")


def main(
    root: Path,
    preset: str = "hourglass_4x128",
    out: Path = Path("runs/full-size.json"),
    rounds: int = 5,
    runs: int = 10,
):
    """Exports the preset's variants, times them beside Keras, writes table and JSON."""
    people = fpd.load_lsp(root, "train")
    network = fpd.build_model(preset, num_joints=fpd.LSP.num_joints)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.tflite" for name in VARIANTS]
        for name, file in zip(VARIANTS, files, strict=True):
            fpd.export_tflite(network, file, quantization=name, samples=people)
        milliseconds = []
        results = []
        for _ in range(rounds):
            milliseconds.append(_keras_milliseconds(network, runs))
            results.append(benchmark(files, rounds=1, runs=runs))
    report = {"keras": milliseconds, "files": _by_file(results)}
    with written_whole(out) as aside:
        aside.write_text(json.dumps(report, indent=2))
    _print(report)


def _keras_milliseconds(network, runs):
    """Median of one compiled call on one image, on all cores."""
    call = tf.function(lambda image: network(image, training=False)[-1])
    image = tf.zeros((1, *network.input_shape[1:]))
    call(image)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call(image).numpy()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def _by_file(results):
    """{variant: {"megabytes": .., "1": [ms of each round], "2": ..}}."""
    return {
        name: {
            "megabytes": results[0][index].size / 1e6,
            **{str(n): [r[index].timings[n].median for r in results] for n in (1, 2)},
        }
        for index, name in enumerate(VARIANTS)
    }


def _print(report):
    table = Table("", "MB", "ms, 1 thread", "ms, 2 threads", "float32 / it", "range")
    plain = np.array(report["files"]["none"]["2"])
    for name, row in report["files"].items():
        ratio = plain / np.array(row["2"])
        times = [f"{np.median(row[n]):.1f}" for n in ("1", "2")]
        spread = f"{ratio.min():.2f} to {ratio.max():.2f}"
        middle = f"{np.median(ratio):.2f}"
        table.add_row(name, f"{row['megabytes']:.2f}", *times, middle, spread)
    ratio = plain / np.array(report["keras"])
    spread = f"{ratio.min():.2f} to {ratio.max():.2f}"
    keras_time = f"{np.median(report['keras']):.1f}"
    table.add_row("Keras", "", "", keras_time, f"{np.median(ratio):.2f}", spread)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
