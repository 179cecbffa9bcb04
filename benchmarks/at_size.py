"""A trained network for images of another size: the same weights, larger heatmaps.

python benchmarks/at_size.py runs/teacher/student.keras 192 runs/teacher/at-192.keras
"""

from pathlib import Path

import typer
from study import at_size

from fpd_tf.files import written_whole


def main(network: Path, size: int, out: Path):
    """Writes it; a teacher must take images of its student's size."""
    with written_whole(out) as aside:
        at_size(network, size).save(aside)


if __name__ == "__main__":
    typer.run(main)
