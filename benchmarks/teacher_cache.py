"""What does paying the teacher once cost, and what does it save?

The paper's pair, 8x256 and 4x128 at 256 px, on photographs, reading included. Speed
does not depend on the weights, so these are random; what a cached heatmap weighs and
how far storage moves it does, so that is of the trained network that is shipped.

    python -m benchmarks.teacher_cache lspet --short --out runs/bench/teacher_cache.json
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

import fpd_tf as fpd
from benchmarks.fitted import step_rate
from benchmarks.measure import compare, publish, seconds
from fpd_tf.models.keras_file import load_network
from fpd_tf.models.precision import with_precision
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.views import with_flip
from fpd_tf.shipped import shipped
from fpd_tf.training.build import compiled_distiller, network_for
from fpd_tf.training.fused_norm import FUSED
from fpd_tf.training.recipes import configure
from fpd_tf.training.run import batches
from fpd_tf.training.teacher import cache_teacher

QUESTION = "What does paying the teacher once cost, and save?"
PEOPLE, EPOCHS = 22_246, 130
PRECISION = "mixed_bfloat16"
EXACT, CACHED = "a step, teacher in it", "a step, teacher cached"
FILLING = "filling the cache"


def main(
    root: Path,
    short: Annotated[bool, typer.Option(help="Few people and steps.")] = False,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
):
    """Times both ways in turn, computes the paper's run, writes table and JSON."""
    people, steps, rounds = (32, 6, 2) if short else (64, 16, 5)
    samples = fpd.load_lsp(root, "train")[:people]
    with tempfile.TemporaryDirectory() as folder:
        contestants = _contestants(samples, Path(folder), steps)
        comparison = compare(
            "A person, reading included",
            contestants,
            yardstick=EXACT,
            unit="ms",
            rounds=rounds,
        )
        stored = _stored(samples, Path(folder))
    publish(QUESTION, [comparison], out, **_computed(comparison), **stored)


def _contestants(samples, folder, steps):
    """Milliseconds a person: of a step both ways, and of filling the cache."""
    teacher = fpd.build_model("hourglass_8x256", num_joints=len(samples[0].joints))
    config = configure("paper_mpii", [f"precision={PRECISION}"])
    student = network_for(samples, config)
    kept = cache_teacher(teacher, samples, config.data.input_size, folder / "cache")
    runs = []
    for in_step, told in ((teacher, None), (None, kept)):
        distiller = compiled_distiller(student, config, 1000, teacher=in_step)
        dataset = batches(samples, config, told)
        step_rate(distiller, dataset, 1)
        runs.append(partial(step_rate, distiller, dataset, steps))
    exact, cached = (lambda run=run: 1000 / run() for run in runs)
    quick = with_precision(teacher, PRECISION, layers=FUSED)

    def fill():
        with tempfile.TemporaryDirectory() as empty:
            size = config.data.input_size
            took = seconds(lambda: cache_teacher(quick, samples, size, empty))
        return 1000 * took / len(samples)

    fill()
    return {EXACT: exact, CACHED: cached, FILLING: fill}


def _computed(comparison):
    """The paper's run out of the measured times; nobody ran it."""
    exact, cached, filling = (
        comparison.rows()[name]["median"] for name in (EXACT, CACHED, FILLING)
    )
    hours = PEOPLE / 1000 / 3600
    return {
        "computed for": f"{EPOCHS} epochs of {PEOPLE} people",
        "teacher passes, exact": EPOCHS * PEOPLE,
        "teacher passes, cached": 2 * PEOPLE,
        "hours, exact": round(EPOCHS * exact * hours, 1),
        "hours, cached": round((EPOCHS * cached + filling) * hours, 1),
        "hours of these to fill the cache": round(filling * hours, 1),
    }


def _stored(samples, folder):
    """Bytes a person, and how far a stored heatmap is from what the teacher said."""
    teacher = load_network(shipped("models/pose-small.keras"))
    predict = load_predictor(teacher)
    cache = cache_teacher(teacher, samples, predict.input_size, folder / "shipped")
    config = fpd.DataConfig(input_size=predict.input_size, batch_size=len(samples))
    images, _, _ = next(iter(fpd.make_dataset(samples, config)))
    said = with_flip(predict).heatmaps(images.numpy())
    shape = (predict.joint_set.num_joints, predict.codec.size, predict.codec.size)
    paths = [cache.path(index) for index in range(len(samples))]
    kept = [
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).reshape(shape) for path in paths
    ]
    error = np.abs(np.moveaxis(np.stack(kept), 1, -1) / 255 - said)
    return {
        "bytes a person": round(np.mean([path.stat().st_size for path in paths])),
        "storage error, mean": f"{error.mean():.1e}",
        "storage error, largest": f"{error.max():.1e}",
        "stored from": f"pose-small, {predict.input_size} px, {len(samples)} people",
    }


if __name__ == "__main__":
    typer.run(main)
