"""Which student, and which gains from the teacher? Stacks, channels, and no hourglass.

    python benchmarks/shapes.py lspet --teacher runs/pose-small/student.keras

`mobilenet` has the multiply-adds of 1x32 (43 M at 128 px), and like it starts from
random weights. Trials that `distillation.py` has made are not made again.
"""

from pathlib import Path
from typing import Annotated

import typer
from study import Trial, at_size, of_small_student

SHAPES = {
    "": (),
    "2x32-": ("model.num_stacks=2",),
    "mobilenet-": (
        "preset=mobilenet_pose",
        'model={"alpha": 0.5, "num_features": 48}',
    ),
    "1x64-": ("model.num_features=64",),
    "1x16-": ("model.num_features=16",),
}


def main(
    root: Path,
    teacher: Annotated[Path, typer.Option()],
    folder: Path = Path("runs/distillation"),
    out: Path = Path("docs/results/shapes.csv"),
    seed: int = 0,
    epochs: int = 6,
    size: int = 128,
):
    """Trains each student on the ground truth alone, and with the teacher."""
    taught_by = at_size(teacher, size)
    trials = [
        Trial(f"{shape}{name}-{seed}", settings, source, seed)
        for shape, settings in SHAPES.items()
        for name, source in (("truth", None), ("teacher", taught_by))
    ]
    of_small_student(root, folder, epochs, size).answer(trials, out)


if __name__ == "__main__":
    typer.run(main)
