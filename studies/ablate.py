"""What helps a small student? One question at a time, everything else alike.

    python -m studies.ablate distillation lspet --teacher runs/pose-small/student.keras

- distillation: with and without the teacher, from scratch and from a trained student
  (the paper's Table 6)
- weights: the distillation weight (Table 8)
- terms: cached or exact, squared or cross-entropy, all joints or labelled ones
  (Table 7, section 3.2)
- shapes: stacks, channels, and a MobileNet (Table 5)
- labels: a share of the labels is moved (section 3.2)
- missing: a third of the labels is missing
- few: 2,000 people have labels, the others none, as many steps either way
- repair: with and without the teacher, and on labels that it corrected (labels.repair)

Runs with the same seed see the same crops in the same order. Runs of the same name in
the same folder are shared between questions and made once. What the teacher predicts is
computed once for all runs that use it cached. A .tflite teacher, such as MoveNet's,
predicts joints: it goes with every question but `terms`, and `repair` needs one.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from fpd_tf.data.people import People
from fpd_tf.training.joint_teacher import JointTeacher
from studies.at_size import at_size
from studies.study import Study, Trial, ViewsOption, of_small_student

FURTHER = 1000
WEIGHTS = (0.05, 0.1, 0.95, 0.99)
EXACT = "teacher_cache=false"
TERMS = {
    "exact": (EXACT,),
    "labelled-only": ("teach_unlabelled=false",),
    "cross-entropy": (EXACT, "distillation_distance=cross_entropy"),
}
SHAPES = {
    "": (),
    "2x32-": ("model.num_stacks=2",),
    "mobilenet-": (  # as many multiply-adds as 1x32: 43 M at 128 px
        "preset=mobilenet_pose",
        'model={"alpha": 0.5, "num_features": 48}',
    ),
    "1x64-": ("model.num_features=64",),
    "1x16-": ("model.num_features=16",),
}
SHARES = (0.2, 0.4)
SHIFT = (0.1, 1 / 3)

MISSING, FEW = 1 / 3, 2000

Teacher = keras.Model | JointTeacher
Trials = Callable[[int, Teacher, Study], Iterator[Trial]]


def distillation(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """Both ways from scratch, then both ways from the student trained on labels."""
    yield from _both(seed, teacher)
    baseline = f"start_from={study.folder}/truth-{seed}/student.keras"
    again = seed + FURTHER
    yield Trial(f"further-truth-{seed}", (baseline,), seed=again)
    yield Trial(f"further-teacher-{seed}", (baseline,), teacher, again)


def weights(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """0 (labels alone), 0.5, and the others."""
    yield from _both(seed, teacher)
    for weight in WEIGHTS:
        chosen = (f"distillation_weight={weight}",)
        yield Trial(f"weight-{weight}-{seed}", chosen, teacher, seed)


def terms(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """The teacher's term in each form.

    The cache holds what the teacher says of the upright crop and of its mirror image,
    warped with each augmentation; exact runs it on every augmented crop, as the paper
    does.
    """
    yield Trial(f"teacher-{seed}", (), teacher, seed)
    for name, settings in TERMS.items():
        yield Trial(f"{name}-{seed}", settings, teacher, seed)


def shapes(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """Each student with and without the teacher."""
    for shape, settings in SHAPES.items():
        yield Trial(f"{shape}truth-{seed}", settings, None, seed)
        yield Trial(f"{shape}teacher-{seed}", settings, teacher, seed)


def labels(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """Each share of moved labels, both ways; the teacher saw the published labels."""
    yield from _both(seed, teacher)
    for share in SHARES:
        people = moved(study.train, share, np.random.default_rng(seed))
        for name, source in (("truth", None), ("teacher", teacher)):
            yield Trial(f"shifted-{share}-{name}-{seed}", (), source, seed, people)


def missing(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """A third of the labels missing, both ways."""
    people = thinned(study.train, MISSING, np.random.default_rng(seed))
    yield Trial(f"missing-truth-{seed}", (), None, seed, people)
    yield Trial(f"missing-teacher-{seed}", (), teacher, seed, people)


def few(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """The first 2,000 people with their labels, alone and beside all others without.

    Beside others a batch has half as many people with labels, so that an epoch of them
    has twice the steps.
    """
    labelled, others = study.train[:FEW], study.train[FEW:].without_labels()
    longer = round(len(study.train) / FEW)
    alone, beside = (
        (f"epochs={study.epochs * times}",) for times in (longer, longer // 2)
    )
    yield Trial(f"few-truth-{seed}", alone, None, seed, labelled)
    yield Trial(f"few-teacher-{seed}", beside, teacher, seed, labelled, others)


def repair(seed: int, teacher: Teacher, study: Study) -> Iterator[Trial]:
    """Both ways, and on labels that the teacher corrected, without its heatmaps.

    At a distillation weight of 0, only the labels are learned from.
    """
    yield from _both(seed, teacher)
    corrected = "labels.repair=true", "distillation_weight=0"
    yield Trial(f"repaired-truth-{seed}", corrected, teacher, seed)


def thinned(people: People, share: float, random: np.random.Generator) -> People:
    """A share of the annotated joints is not annotated."""
    others = []
    for person in people:
        kept = person.annotated & (random.random(len(person.annotated)) >= share)
        others.append(replace(person, annotated=kept, visible=person.visible & kept))
    return people.of(others)


def moved(people: People, share: float, random: np.random.Generator) -> People:
    """Moves a share of the joints by 0.1 to 0.33 of the box, in any direction."""
    others = []
    for person in people:
        count = len(person.joints)
        angle = random.uniform(0, 2 * np.pi, count)
        length = person.box.side * random.uniform(*SHIFT, count)
        length *= random.random(count) < share
        step = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        others.append(replace(person, joints=np.float32(person.joints + step)))
    return people.of(others)


QUESTIONS: dict[str, Trials] = {
    each.__name__: each
    for each in (distillation, weights, terms, shapes, labels, missing, few, repair)
}
Question = StrEnum("Question", list(QUESTIONS))


def main(
    question: Question,
    root: Path,
    teacher: Annotated[
        Path, typer.Option(help="A trained .keras file, or a .tflite of any kind.")
    ],
    folder: Annotated[Path, typer.Option(help="Of the runs.")] = Path("runs/ablations"),
    out: Annotated[
        Path | None, typer.Option(help="The table; docs/results/QUESTION.csv.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each kind.")] = 3,
    epochs: int = 6,
    size: Annotated[int, typer.Option(help="Pixels of the input.")] = 128,
    views: ViewsOption = "turned",
):
    """Trains what is missing, writes the table, prints paired differences."""
    study = of_small_student(root, folder, epochs, size)
    foreign = teacher.suffix == ".tflite"
    chosen = JointTeacher((teacher,), views) if foreign else at_size(teacher, size)
    trials = [
        trial
        for seed in range(seeds)
        for trial in QUESTIONS[question](seed, chosen, study)
    ]
    rows = study.answer(trials, out or Path(f"docs/results/{question}.csv"))
    _print_differences(rows)


def _both(seed, teacher):
    yield Trial(f"truth-{seed}", seed=seed)
    yield Trial(f"teacher-{seed}", teacher=teacher, seed=seed)


def _print_differences(rows):
    """What a teacher, or the labels that it corrects, add: paired by seed."""
    columns = ("runs", "score", "with", "without", "difference", "95% interval")
    table = Table(*columns, title="Mean over seeds, standard deviation")
    kinds = dict.fromkeys(row["trial"].rpartition("-")[0] for row in rows)
    for kind in kinds:
        baseline = _baseline(kind)
        if baseline == kind or baseline not in kinds:
            continue
        for score in ("pck", "auc", "limbs", "flip_pck"):
            those, before = (
                np.array([row[score] for row in rows if _is(row, each)])
                for each in (kind, baseline)
            )
            spreads = map(_spread, (those, before, those - before))
            table.add_row(kind, score, *spreads, _interval(those - before))
    Console().print(table)


def _baseline(kind):
    """The kind of run without the teacher, or with labels as published."""
    if kind.startswith("repaired-"):
        return kind.removeprefix("repaired-")
    return kind.replace("teacher", "truth")


def _is(row, kind):
    return row["trial"].rpartition("-")[0] == kind


def _spread(values):
    deviation = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{values.mean():.2f}{deviation}"


def _interval(gain):
    """Student's interval of the mean; none of a single seed."""
    if len(gain) < 2:
        return ""
    half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5
    return f"{gain.mean() - half:+.2f} to {gain.mean() + half:+.2f}"


if __name__ == "__main__":
    typer.run(main)
