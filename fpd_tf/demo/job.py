"""The whole pipeline on synthetic data: train, distil, quantize and score."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from fpd_tf.data.mpii import load_mpii
from fpd_tf.demo.report import Entry, write_report
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.export.convert import export_tflite
from fpd_tf.models.cost import model_cost
from fpd_tf.models.keras_file import load_network
from fpd_tf.predictors.load import load_predictor
from fpd_tf.training.checkpoint import read_history
from fpd_tf.training.recipes import RECIPES
from fpd_tf.training.run import train

PEOPLE = 1200
STUDENT = {"num_stacks": 1, "num_features": 32, "stem_width": 16, "depth": 3}
TIMED_RUNS = 30


def run_demo(out: str | Path = "runs/demo", people: int = PEOPLE) -> Path:
    """Draws people, trains teacher and students, exports one, scores all, reports.

    Both students have the same initial weights, data order and number of updates.

    Args:
        out: new folder for the people, the three runs, the .tflite and the report.
        people: number to draw, 240 or more (200 of them calibrate int8); a sixth is
            held out.

    Returns:
        The report, an HTML page with its pictures inside.

    Raises:
        InputError: the folder exists.
    """
    out = Path(out)
    if out.exists():
        sentence = "it exists already; give the name of a new folder"
        raise InputError.plain(out, "", sentence)
    console = Console(stderr=True)
    console.rule(f"1/5 drawing {people} people in MPII's layout")
    root = synthesize(out / "people", "mpii", count=people, seed=0)
    samples, held_out = load_mpii(root, "train"), load_mpii(root, "val")
    config = RECIPES["demo"]
    student = replace(config, model=STUDENT)
    console.rule("2/5 training the teacher")
    teacher = train(samples, out / "teacher", config, validation=held_out)
    console.rule("3/5 training the student without the teacher")
    alone = train(samples, out / "student-alone", student, validation=held_out)
    console.rule("4/5 training the same student with the teacher")
    how = {"teacher": teacher / "student.keras", "validation": held_out}
    distilled = train(samples, out / "student", student, **how)
    console.rule("5/5 exporting to int8 and scoring")
    tflite = export_tflite(
        distilled / "student.keras",
        out / "student.int8.tflite",
        quantization="int8",
        samples=samples,
    )
    entries = [
        _entry("teacher", teacher, held_out),
        _entry("student alone", alone, held_out),
        _entry("student distilled", distilled, held_out),
        _quantized_entry("distilled, int8", tflite, distilled, held_out),
    ]
    _print_table(entries)
    return write_report(out / "report.html", entries, held_out)


def _entry(name, folder, samples):
    path = folder / "student.keras"
    return Entry(
        name,
        path,
        model_cost(load_network(path)),
        evaluate(path, samples),
        _milliseconds(path),
        read_history(folder),
    )


def _quantized_entry(name, tflite, folder, samples):
    cost = model_cost(load_network(folder / "student.keras"))
    return Entry(
        name, tflite, cost, evaluate(tflite, samples), _milliseconds(tflite), []
    )


def _milliseconds(path):
    predict = load_predictor(path)
    image = np.random.default_rng(0).random(
        (1, predict.input_size, predict.input_size, 3)
    )
    image = image.astype(np.float32)
    times = []
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        predict(image)
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))


def _print_table(entries):
    groups = entries[0].evaluation.scores.groups
    columns = ("", *groups, "mean", "AUC", "params", "G ops", "kB", "ms")
    table = Table(*columns, title=f"{entries[0].evaluation.metric}, %")
    for entry in entries:
        scores = entry.evaluation.scores
        table.add_row(
            entry.name,
            *(
                f"{value:.1f}"
                for value in (*scores.groups.values(), scores.mean, scores.auc)
            ),
            f"{entry.cost.parameters / 1e3:.0f}k",
            f"{entry.cost.giga_operations:.2f}",
            f"{entry.path.stat().st_size / 1e3:.0f}",
            f"{entry.milliseconds:.1f}",
        )
    Console(width=128).print(table)
