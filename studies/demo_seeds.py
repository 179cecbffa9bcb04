"""Does the demo's gain hold with other people and other initial weights?

    python -m studies.demo_seeds

One line for each seed: PCKh@0.5 of the teacher, the student alone and the student
distilled. A run that is there is not made again.
"""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from fpd_tf.demo.job import run_demo
from fpd_tf.training.checkpoint import read_history

RUNS = ("teacher", "student-alone", "student")


def main(folder: Path = Path("runs/demo-seeds"), seeds: int = 3):
    """Runs the demo with each seed, in FOLDER/SEED, and prints the scores."""
    table = Table("seed", "teacher", "student alone", "student distilled", "gain")
    for seed in range(seeds):
        out = folder / str(seed)
        if not (out / "report.html").is_file():
            run_demo(out, seed=seed)
        teacher, alone, distilled = (_score(out / run) for run in RUNS)
        scores = (teacher, alone, distilled, distilled - alone)
        table.add_row(str(seed), *(f"{score:.1f}" for score in scores))
    Console().print(table)


def _score(run):
    """Mean PCKh@0.5 after the last epoch."""
    return float(read_history(run)[-1]["val_mean"])


if __name__ == "__main__":
    typer.run(main)
