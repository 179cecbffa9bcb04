"""What does the teacher's term do? Cached or exact, squared or cross-entropy, and
with or without the joints that have no label (the paper's Table 7 and section 3.2).

    python benchmarks/terms.py lspet --teacher runs/pose-small/student.keras

The cache holds what the teacher says of the upright crop, warped with the photograph's
augmentation; exact runs it on every augmented crop, as the paper does, and as
cross-entropy must. Trials that `distillation.py` has made are not made again.
"""

from pathlib import Path
from typing import Annotated

import typer
from study import Trial, at_size, of_small_student

EXACT = "teacher_cache=false"
TERMS = {
    "teacher": (),
    "exact": (EXACT,),
    "labelled-only": ("teach_unlabelled=false",),
    "cross-entropy": (EXACT, "distillation_distance=cross_entropy"),
}


def main(
    root: Path,
    teacher: Annotated[Path, typer.Option()],
    folder: Path = Path("runs/distillation"),
    out: Path = Path("docs/results/terms.csv"),
    seed: int = 0,
    epochs: int = 6,
    size: int = 128,
):
    """Trains a student under each form of the teacher's term."""
    taught_by = at_size(teacher, size)
    trials = [
        Trial(f"{name}-{seed}", settings, taught_by, seed)
        for name, settings in TERMS.items()
    ]
    of_small_student(root, folder, epochs, size).answer(trials, out)


if __name__ == "__main__":
    typer.run(main)
