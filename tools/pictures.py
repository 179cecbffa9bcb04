"""Draws the tables of the studies: a row for each kind of trial, a dot for each seed.

python -m tools.pictures docs/results
"""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer
from matplotlib.figure import Figure

from fpd_tf.files import written_whole

SPAN = {"pck": 6, "auc": 3}  # at least, so that chance (1.5 of PCK) looks like chance
COLORS = ("#d9822b", "#139a76", "#8b5fd6", "#8a93a0")


def main(folder: Annotated[Path, typer.Argument()] = Path("docs/results")):
    """Draws each CSV of the folder as a PNG beside it."""
    for table in sorted(folder.glob("*.csv")):
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
        picture = table.with_suffix(".png")
        with written_whole(picture) as aside:
            _drawn(rows).savefig(aside, format="png", dpi=120)
        print(picture)


def _drawn(rows):
    """PCK and AUC of the kinds, in the order in which they were tried."""
    kinds = defaultdict(dict)
    for row in rows:
        name, _, seed = row["trial"].rpartition("-")
        kinds[name][int(seed)] = row
    height = 1.2 + 0.35 * len(kinds)
    figure = Figure(figsize=(9, height), layout="constrained")
    pairs = zip(figure.subplots(1, 2, sharey=True), ("pck", "auc"), strict=True)
    for axes, score in pairs:
        for place, runs in enumerate(kinds.values()):
            for seed, row in sorted(runs.items()):
                dot = {"color": COLORS[seed % len(COLORS)], "s": 40, "zorder": 3}
                label = None if place else f"seed {seed}"
                axes.scatter(float(row[score]), place, label=label, **dot)
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_xlabel({"pck": "PCK@0.2, %", "auc": "AUC, %"}[score])
        axes.grid(alpha=0.3)
        axes.margins(x=0.15, y=0.15)
        low, high = axes.get_xlim()
        half = max(high - low, SPAN[score]) / 2
        axes.set_xlim((low + high) / 2 - half, (low + high) / 2 + half)
    axes.invert_yaxis()
    if len(next(iter(kinds.values()))) > 1:
        axes.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    typer.run(main)
