"""Does the teacher repair wrong labels (the paper's section 3.2)?

A share of the labels moves by a tenth to a third of the person's box, in any direction.
The teacher itself saw the labels as they are published.

    python benchmarks/labels.py lspet --teacher runs/pose-small/student.keras

The trials without noise are those of `distillation.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from study import Trial, at_size, of_small_student

from fpd_tf.data.people import Sample
from fpd_tf.geometry import BOX

SHARES = (0.2, 0.4)
SHIFT = (0.1, 1 / 3)


def main(
    root: Path,
    teacher: Annotated[Path, typer.Option()],
    folder: Path = Path("runs/distillation"),
    out: Path = Path("docs/results/labels.csv"),
    seed: int = 0,
    epochs: int = 6,
    size: int = 128,
):
    """Trains at each share of shifted labels, without and with the teacher."""
    study, taught_by = (
        of_small_student(root, folder, epochs, size),
        at_size(teacher, size),
    )
    trials = [Trial(f"truth-{seed}", seed=seed)]
    trials.append(Trial(f"teacher-{seed}", teacher=taught_by, seed=seed))
    for share in SHARES:
        people = shifted(study.train, share, np.random.default_rng(seed))
        for name, source in (("truth", None), ("teacher", taught_by)):
            name = f"shifted-{share}-{name}-{seed}"
            trials.append(Trial(name, (), source, seed, people))
    study.answer(trials, out)


def shifted(people: Sequence[Sample], share: float, random) -> list[Sample]:
    """The people with that share of their joints moved; boxes stay."""
    moved = []
    for person in people:
        count = len(person.joints)
        angle = random.uniform(0, 2 * np.pi, count)
        length = BOX * person.scale * random.uniform(*SHIFT, count)
        length *= random.random(count) < share
        step = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        moved.append(replace(person, joints=np.float32(person.joints + step)))
    return moved


if __name__ == "__main__":
    typer.run(main)
