"""How far LSP-extended's labels lie beside what a network sees, and in which direction.

    python -m studies.label_offset student.tflite lspet

The 1,000 people to validate, limb joints near their label, the mean of each crop and
its mirror image: an offset of the network's own to the left or right cancels out. An
offset of the labels is the same in pixels for small and large people, and in the
photograph's direction for people upright and upside down; one of how joints are
understood grows with the person and turns with the body.
"""

from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.data.people import People
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.vote import voted
from studies.study import NOT_LIMBS, lspet

NEAR = 0.1
HIPS, SHOULDERS = ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder")


def main(network: Path, root: Path):
    """Prints the median of predicted - labelled for each kind of person."""
    _, people = lspet(root)
    found = fpd.evaluate(voted([load_predictor(network)], "mirrored"), people).joints
    table = Table("people", "labels", "right, px", "down, px", "right, %", "down, %")
    for kind, who in kinds(people, found).items():
        count, pixels, shares = offset(people, found, who)
        numbers = (f"{each:+.2f}" for each in (*pixels, *shares))
        table.add_row(kind, str(count), *numbers)
    Console().print(table)


def kinds(people: People, found: np.ndarray) -> dict[str, np.ndarray]:
    """(N,) bool for everybody, for small and large people, and for up and down."""
    sides = people.squares[:, 2]
    hips, shoulders = (
        found[:, [people.joint_set.index(name) for name in names]].mean(axis=1)
        for names in (HIPS, SHOULDERS)
    )
    down, large = shoulders[:, 1] > hips[:, 1], sides > np.median(sides)
    either = {"all": sides > 0, "small": ~large, "large": large}
    return either | {"shoulders above hips": ~down, "below": down}


def offset(
    people: People, found: np.ndarray, who: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Labels counted; median predicted - labelled (x, y), pixels and % of the box."""
    limbs = [name not in NOT_LIMBS for name in people.joint_set.joints]
    sides = people.squares[:, None, 2:]
    apart = found - people.joints
    near = np.linalg.norm(apart / sides, axis=-1) < NEAR
    near &= people.annotated & limbs & who[:, None]
    pixels, shares = (
        np.median(each[near], axis=0) if near.any() else np.full(2, np.nan)
        for each in (apart, 100 * apart / sides)
    )
    return int(near.sum()), pixels, shares


if __name__ == "__main__":
    typer.run(main)
