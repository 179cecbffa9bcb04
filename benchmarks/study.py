"""Training runs that answer a question: each made once, resumed, scored alike.

A study is a list of trials over one base configuration. Its runs lie in a folder, its
table in a CSV of the repository that holds every score and setting.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np

import fpd_tf as fpd
from fpd_tf.data.joints import Sample
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.evaluation.metrics import Scores
from fpd_tf.files import written_whole
from fpd_tf.models.files import load_network
from fpd_tf.training.recipes import configure

NOT_LIMBS = ("head_top", "neck")


@dataclass(frozen=True)
class Trial:
    """One run of a study.

    Args:
        name: of its folder and row.
        settings: "field=value" each, on top of the study's own.
        teacher: a trained network to distil from; none for ground truth alone.
        seed: of order, augmentation and first weights.
    """

    name: str
    settings: Sequence[str] = ()
    teacher: keras.Model | None = None
    seed: int = 0


@dataclass(frozen=True)
class Study:
    """What all trials of a question share.

    Args:
        folder: of the runs.
        train: people to train on.
        held_out: people to score on.
        settings: "field=value" each, on top of the recipe `light`.
    """

    folder: Path
    train: Sequence[Sample]
    held_out: Sequence[Sample]
    settings: Sequence[str] = field(default_factory=tuple)

    def run(self, trial: Trial) -> dict:
        """The trial's row; trains only what is not there yet."""
        out = self.folder / trial.name
        row = out / "row.json"
        if not row.is_file():
            chosen = (*self.settings, *trial.settings, f"data.seed={trial.seed}")
            self._train(trial, out, configure("light", chosen))
            scores = scored(out / "student.keras", self.held_out)
            about = {"trial": trial.name, "seed": trial.seed, **scores}
            content = {**about, "settings": " ".join(chosen)}
            with written_whole(row) as aside:
                aside.write_text(json.dumps(content, indent=2))
        return json.loads(row.read_text())

    def _train(self, trial, out, config):
        config = replace(config, score_every=config.epochs)
        resume = (out / "config.json").is_file()
        if trial.teacher is None:
            fpd.train(self.train, out, config, resume=resume)
        else:
            fpd.distill(self.train, out, trial.teacher, config, resume=resume)


def scored(model: Path, held_out: Sequence[Sample]) -> dict[str, float]:
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


def at_size(path: Path, size: int) -> keras.Model:
    """A trained network for images of another size, with the same weights."""
    network = load_network(path)
    image = keras.Input((size, size, 3), name="image")
    resized = keras.models.clone_model(network, input_tensors=image)
    resized.set_weights(network.get_weights())
    return resized


def lspet(root: Path) -> tuple[list[Sample], list[Sample]]:
    """The 8,000 photographs to train on and the 1,000 to validate."""
    return fpd.load_lsp(root, "train"), fpd.load_lsp(root, "val")


def write_rows(path: Path, rows: Sequence[Mapping]) -> None:
    """A CSV with a column for each key of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as aside, aside.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
