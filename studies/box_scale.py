"""What a network of any kind makes of boxes that are tighter or looser.

    python -m studies.box_scale lightning.tflite lspet

The limb joints of LSP-extended's 1,000 people to validate, one look each.
"""

from dataclasses import replace
from pathlib import Path

import typer

import fpd_tf as fpd
from studies.study import limb_mean, lspet

SCALES = (0.8, 0.9, 1.0, 1.1, 1.25)


def main(network: Path, root: Path):
    """Prints a score for each scale of the box."""
    _, people = lspet(root)
    for scale in SCALES:
        scaled = people.of(
            replace(person, box=person.box.scaled(scale)) for person in people
        )
        print(scale, f"{limb_mean(fpd.evaluate(network, scaled).scores):.1f}")


if __name__ == "__main__":
    typer.run(main)
