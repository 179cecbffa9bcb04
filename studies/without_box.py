"""What `fpd predict` finds when nobody tells it where the person is.

    python -m studies.without_box tflite/models/pose-small.int8.tflite lspet

Beside the same network given the person's box, over the same people. A photograph of
LSP-extended shows one person, who fills most of it.
"""

from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.evaluation.evaluate import evaluate
from studies.study import limb_mean, lspet


def main(model: Path, root: Path):
    """Scores both on the 1,000 photographs to validate."""
    _, held_out = lspet(root)
    estimator = fpd.PoseEstimator(model)
    joints = np.array([estimator.predict(each.image_path).joints for each in held_out])
    without = fpd.pck(joints, held_out.joints, held_out.annotated)
    table = Table("", "PCK", "AUC", "limbs", title=model.name)
    for name, scores in (
        ("given the box", evaluate(model, held_out).scores),
        ("without it", without),
    ):
        found = (scores.mean, scores.auc, limb_mean(scores))
        table.add_row(name, *(f"{each:.1f}" for each in found))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
