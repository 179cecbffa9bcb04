"""From heatmap to joint: what are the parts of a cell worth?

    python -m studies.decoding tflite/models/pose-small.int8.tflite lspet

`Heatmaps.decode` moves the largest cell by a parabola through the logarithms, which is
exact for a Gaussian. Beside it the largest cell alone, and heatmaps that are smoothed
before, as Zhang et al. do (Distribution-Aware Coordinate Representation, CVPR 2020).
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Prediction
from studies.study import limb_mean, lspet


def main(model: Path, root: Path):
    """Scores each way on the 1,000 photographs to validate."""
    _, held_out = lspet(root)
    predictor = load_predictor(model)
    table = Table("", "PCK", "AUC", "limbs", title=model.name)
    for name, change in (
        ("parabola", np.asarray),
        ("largest cell", _peaks),
        ("smoothed, sigma 0.75, then parabola", _smoothed(0.75)),
        ("smoothed, sigma 1.5, then parabola", _smoothed(1.5)),
    ):
        changed = replace(predictor, run=_decoding(predictor, change))
        scores = evaluate(changed, held_out).scores
        found = (scores.mean, scores.auc, limb_mean(scores))
        table.add_row(name, *(f"{each:.2f}" for each in found))
    Console().print(table)


def _decoding(predictor, change):
    """What runs the network, changes its heatmaps and decodes these."""

    def run(images):
        heatmaps = change(predictor.heatmaps(images))
        return Prediction(*predictor.codec.decode(heatmaps), heatmaps)

    return run


def _peaks(heatmaps):
    """1 where a heatmap is largest and 0 elsewhere: nothing to move a cell by."""
    return np.float32(heatmaps == heatmaps.max(axis=(1, 2), keepdims=True))


def _smoothed(sigma):
    def smoothed(heatmaps):
        return np.stack([cv2.GaussianBlur(maps, (0, 0), sigma) for maps in heatmaps])

    return smoothed


if __name__ == "__main__":
    typer.run(main)
