"""Does distillation help? The same student with and without the teacher, paired.

Each seed trains four networks on the same order of the same crops: from scratch for E
epochs, with ground truth alone and with the teacher; and from the first of these for E
more, again both ways. The teacher's heatmaps are computed once for all of them.

    python benchmarks/distillation.py lspet --teacher runs/pose-small/student.keras
"""

from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import t
from study import Trial, at_size, of_small_student

FURTHER = 1000


def main(
    root: Path,
    teacher: Annotated[Path, typer.Option()],
    folder: Path = Path("runs/distillation"),
    out: Path = Path("docs/results/distillation.csv"),
    seeds: int = 3,
    epochs: int = 6,
    size: int = 128,
):
    """Trains what is missing, writes the table, prints the paired differences."""
    study = of_small_student(root, folder, epochs, size)
    trials = [_trials(seed, at_size(teacher, size), folder) for seed in range(seeds)]
    _print_differences(study.answer(chain.from_iterable(trials), out))


def _trials(seed, teacher, folder):
    baseline = f"start_from={folder}/truth-{seed}/student.keras"
    yield Trial(f"truth-{seed}", seed=seed)
    yield Trial(f"teacher-{seed}", teacher=teacher, seed=seed)
    again = seed + FURTHER
    yield Trial(f"further-truth-{seed}", (baseline,), seed=again)
    yield Trial(f"further-teacher-{seed}", (baseline,), teacher, again)


def _print_differences(rows):
    columns = ("start", "score", "truth", "teacher", "difference", "95% interval")
    table = Table(*columns, title="PCK@0.2 and AUC: mean over seeds, paired by seed")
    for start, prefix in (("scratch", ""), ("baseline", "further-")):
        for score in ("pck", "auc", "limbs", "flip_pck"):
            truth, teacher = (
                np.array([row[score] for row in rows if _is(row, prefix + side)])
                for side in ("truth", "teacher")
            )
            gain = teacher - truth
            table.add_row(
                start, score, *map(_spread, (truth, teacher, gain)), _interval(gain)
            )
    Console().print(table)


def _is(row, kind):
    return row["trial"].rpartition("-")[0] == kind


def _spread(values):
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def _interval(gain):
    """Student's interval of the mean."""
    half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5
    return f"{gain.mean() - half:+.2f} to {gain.mean() + half:+.2f}"


if __name__ == "__main__":
    typer.run(main)
