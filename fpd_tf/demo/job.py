"""The whole pipeline on synthetic data, with few labels and many unlabelled images."""

from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fpd_tf.data.epoch import labelled_in_batch
from fpd_tf.data.mpii import load_mpii
from fpd_tf.demo.report import Entry, TrainingData, write_report
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.errors import InputError
from fpd_tf.evaluation.compare import median_milliseconds
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.export.convert import export_tflite
from fpd_tf.models.cost import model_cost
from fpd_tf.models.keras_file import load_network
from fpd_tf.predictors.load import load_predictor
from fpd_tf.training.checkpoint import read_history
from fpd_tf.training.recipes import RECIPES
from fpd_tf.training.run import CACHE, train
from fpd_tf.training.unlabelled import clearly_seen

PEOPLE = 1800
TEACHER_SHARE = 0.6
LABELLED = 20
UPDATES = 60  # in an epoch
UNLABELLED_SHARE = 0.75
STUDENT = {"num_stacks": 1, "num_features": 32, "stem_width": 16, "depth": 3}


def run_demo(
    out: str | Path = "runs/demo", people: int = PEOPLE, seed: int = 0
) -> Path:
    """Draws people, trains teacher and students, exports one, scores all, reports.

    The teacher is trained on labelled people of its own. The student has others, 20 of
    them labelled: alone it is trained on these 20; distilled, also on the unlabelled
    ones. Both times it has the same initial weights, batch size and number of updates.

    Args:
        out: new folder for the people, the three runs, the .tflite and the report.
        people: number to draw, 600 or more (200 of the student's calibrate int8); a
            sixth is held out, and 60% of the others are the teacher's.
        seed: of the people, the initial weights and the order.

    Returns:
        The report, an HTML page with its pictures inside.

    Raises:
        InputError: the folder exists.
    """
    out = Path(out)
    if out.exists():
        sentence = "it exists already; give the name of a new folder"
        raise InputError.plain(out, "", sentence)
    say = Console(stderr=True).rule
    say(f"1/5 drawing {people} people in MPII's layout")
    root = synthesize(out / "people", "mpii", count=people, seed=seed)
    drawn, held_out = load_mpii(root, "train"), load_mpii(root, "val")
    own = round(TEACHER_SHARE * len(drawn))
    labelled = drawn[own:][:LABELLED]
    unlabelled = drawn[own:][LABELLED:].without_labels()
    say(f"2/5 training the teacher on {own} labelled people")
    config = RECIPES["demo"]
    config = replace(config, data=replace(config.data, seed=seed))
    teacher = train(drawn[:own], out / "teacher", config, validation=held_out)
    config = _of_student(config)
    batch, in_batch = config.data.batch_size, labelled_in_batch(config.data)
    how = {"config": config, "validation": held_out}
    say(f"3/5 training the student alone on {len(labelled)} labelled people")
    alone = train(_epoch_of(labelled, batch), out / "student-alone", **how)
    say(f"4/5 training it with the teacher, on {len(unlabelled)} unlabelled people too")
    taught_by = teacher / "student.keras"
    confident = clearly_seen(unlabelled, taught_by, out / CACHE)
    how |= {"teacher": taught_by, "unlabelled": confident}
    distilled = train(_epoch_of(labelled, in_batch), out / "student", **how)
    say("5/5 exporting to int8 and scoring")
    tflite = export_tflite(
        distilled / "student.keras",
        out / "student.int8.tflite",
        quantization="int8",
        samples=drawn[own:],
    )
    entries = [
        _entry("teacher", teacher, held_out, own // batch),
        _entry("student alone", alone, held_out, UPDATES),
        _entry("student distilled", distilled, held_out, UPDATES),
        _quantized_entry("distilled, int8", tflite, distilled, held_out),
    ]
    _print_table(entries)
    data = TrainingData(
        teacher=own,
        labelled=len(labelled),
        unlabelled=len(confident),
        left_out=len(unlabelled) - len(confident),
        batch_size=batch,
        labelled_in_batch=in_batch,
    )
    return write_report(out / "report.html", entries, held_out, data)


def _of_student(config):
    data = replace(config.data, unlabelled_share=UNLABELLED_SHARE)
    return replace(config, model=STUDENT, teacher_cache=True, data=data)


def _epoch_of(people, in_batch):
    """People in cycles: `in_batch` for each update of an epoch."""
    return people.of(islice(cycle(people), UPDATES * in_batch))


def _entry(name, folder, samples, updates):
    path = folder / "student.keras"
    return Entry(
        name,
        path,
        model_cost(load_network(path)),
        evaluate(path, samples),
        _milliseconds(path),
        read_history(folder),
        updates,
    )


def _quantized_entry(name, tflite, folder, samples):
    cost = model_cost(load_network(folder / "student.keras"))
    return Entry(
        name, tflite, cost, evaluate(tflite, samples), _milliseconds(tflite), []
    )


def _milliseconds(path):
    return median_milliseconds([load_predictor(path)])[0]


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
