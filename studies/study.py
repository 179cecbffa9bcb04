"""Training runs that answer a question: each made once, resumed, scored alike.

A study is a list of trials over one base configuration. Its runs lie in a folder, its
table in a CSV of the repository that holds every score and setting.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.evaluation.metrics import Scores
from fpd_tf.files import written_whole
from fpd_tf.training.digests import digest_of_teachers
from fpd_tf.training.joint_teacher import JointTeacher
from fpd_tf.training.recipes import configure

STUDENT = (
    "preset=hourglass_2x64",
    "model.num_stacks=1",
    "model.num_features=32",
    "model.stem_width=16",
    "precision=float32",
    "teacher_cache=true",
    "data.rotation=60",
    "data.batch_size=32",
    "data.sigma=1.5",
)
SEEN = "trial seed pck auc limbs flip_pck flip_auc flip_limbs".split()
KEPT = Path("runs/teacher-cache")
ViewsOption = Annotated[str, typer.Option(help="upright, mirrored or turned.")]
KeptOption = Annotated[Path, typer.Option(help="Folder of kept predictions.")]
NOT_LIMBS = ("head_top", "neck")


@dataclass(frozen=True)
class Trial:
    """One run of a study.

    Args:
        name: of its folder and row.
        settings: "field=value" each, on top of the study's own.
        teacher: a trained network, or files that vote, to distil from; none for
            ground truth alone.
        seed: of order, augmentation and first weights.
        people: to train on, in place of the study's.
        unlabelled: people whom the teacher alone teaches.
    """

    name: str
    settings: Sequence[str] = ()
    teacher: keras.Model | JointTeacher | None = None
    seed: int = 0
    people: People | None = None
    unlabelled: People | None = None


@dataclass(frozen=True)
class Study:
    """What all trials of a question share.

    Args:
        folder: of the runs.
        train: people to train on.
        held_out: people to score on.
        settings: "field=value" each, on top of the recipe `light`.
        epochs: of a run, unless its trial says otherwise.
    """

    folder: Path
    train: People
    held_out: People
    settings: Sequence[str] = ()
    epochs: int = 6

    def run(self, trial: Trial) -> dict:
        """The trial's row; trains only what is not there yet.

        Raises:
            InputError: it was trained with other settings or another teacher.
        """
        out = self.folder / trial.name
        path = out / "row.json"
        own = (f"epochs={self.epochs}", *trial.settings, f"data.seed={trial.seed}")
        chosen = (*self.settings, *own)
        settings, teacher = " ".join(chosen), _digest(trial.teacher)
        if not path.is_file():
            self._train(trial, out, configure("light", chosen))
            scores = scored(out / "student.keras", self.held_out)
            row = {"trial": trial.name, "seed": trial.seed, **scores}
            with written_whole(path) as aside:
                about = {"settings": settings, "teacher": teacher}
                aside.write_text(json.dumps(row | about, indent=2))
        row = json.loads(path.read_text())
        if row["settings"] != settings:
            raise InputError(path, "settings", settings, row["settings"])
        if row.pop("teacher", teacher) != teacher:
            sentence = "the run had another teacher: give another --folder"
            raise InputError.plain(path, "teacher", sentence)
        return row

    def answer(self, trials: Iterable[Trial], out: Path) -> list[dict]:
        """Every trial's row; writes the table after each, prints it at the end."""
        rows = []
        for trial in trials:
            rows.append(self.run(trial))
            write_rows(out, rows)
        table = Table(*SEEN)
        for row in rows:
            table.add_row(*(str(row[name]) for name in SEEN))
        Console().print(table)
        return rows

    def _train(self, trial, out, config):
        config = replace(config, score_every=config.epochs)
        resume = (out / "config.json").is_file()
        people = trial.people or self.train
        if trial.teacher is None:
            fpd.train(people, out, config, resume=resume)
        else:
            how = {"unlabelled": trial.unlabelled, "resume": resume}
            teacher = trial.teacher
            if isinstance(teacher, JointTeacher):
                teacher, how["views"] = teacher.teachers, teacher.views
            fpd.distill(people, out, teacher, config, **how)


def _digest(teacher):
    """Of a trial's teacher, None for none."""
    if teacher is None:
        return None
    voting = isinstance(teacher, JointTeacher)
    return digest_of_teachers(teacher.teachers if voting else [teacher])


def of_small_student(root: Path, folder: Path, epochs: int, size: int) -> Study:
    """The study of the 64,078-parameter hourglass that is quick to train."""
    chosen = (*STUDENT, f"data.input_size={size}")
    return Study(folder, *lspet(root), chosen, epochs)


def scored(model: Path, held_out: People) -> dict[str, float]:
    """PCK@0.2 and AUC over all joints and over the 12 limb joints, twice."""
    row = {}
    for name, flip_test in (("", False), ("flip_", True)):
        scores = evaluate(model, held_out, flip_test=flip_test).scores
        row |= {f"{name}pck": scores.mean, f"{name}auc": scores.auc}
        row[f"{name}limbs"] = limb_mean(scores)
    return {key: round(value, 2) for key, value in row.items()}


def limb_mean(scores: Scores) -> float:
    """PCK pooled over the annotations of the 12 joints that are not head or neck."""
    limbs = [name for name in scores.joints if name not in NOT_LIMBS]
    found = [scores.joints[name] for name in limbs]
    return float(np.average(found, weights=[scores.counts[name] for name in limbs]))


def lspet(root: Path) -> tuple[People, People]:
    """The 8,000 photographs to train on and the 1,000 to validate."""
    return fpd.load_lsp(root, "train"), fpd.load_lsp(root, "val")


def write_rows(path: Path, rows: Sequence[Mapping]) -> None:
    """A CSV with a column for each key of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as aside, aside.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
