"""How much of the teacher? The distillation weight (the paper's Table 8).

    python benchmarks/weights.py lspet --teacher runs/pose-small/student.keras

Trials that `distillation.py` has made in the same folder are not made again.
"""

from pathlib import Path
from typing import Annotated

import typer
from study import Trial, at_size, of_small_student

WEIGHTS = (0.05, 0.1, 0.95, 0.99)


def main(
    root: Path,
    teacher: Annotated[Path, typer.Option()],
    folder: Path = Path("runs/distillation"),
    out: Path = Path("docs/results/weights.csv"),
    seed: int = 0,
    epochs: int = 6,
    size: int = 128,
):
    """Trains a student at each weight; 0 is the ground truth alone."""
    taught_by = at_size(teacher, size)
    trials = [Trial(f"truth-{seed}", seed=seed)]
    trials.append(Trial(f"teacher-{seed}", teacher=taught_by, seed=seed))
    for weight in WEIGHTS:
        chosen = (f"distillation_weight={weight}",)
        trials.append(Trial(f"weight-{weight}-{seed}", chosen, taught_by, seed))
    of_small_student(root, folder, epochs, size).answer(trials, out)


if __name__ == "__main__":
    typer.run(main)
