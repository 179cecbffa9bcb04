"""Is what the cache says of an augmented crop as good as what the teacher says of it?

The shipped pose-small on photographs that it was not trained on, cropped, turned and
mirrored as in training: once from the cache, which holds what it said of the upright
crop and of its mirror image, warped; once the teacher on the crop itself. Both against
the labels.

    python -m studies.cached_targets lspet --out runs/bench/cached_targets.json
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import fpd_tf as fpd
from benchmarks.measure import publish
from fpd_tf.models.keras_file import load_network
from fpd_tf.predictors.load import load_predictor
from fpd_tf.shipped import shipped
from fpd_tf.training.teacher import cache_teacher
from studies.study import limb_mean, lspet

QUESTION = "Is a cached teacher as good as one that sees each crop?"
ROTATIONS = (0.0, 30.0, 60.0)


def main(
    root: Path,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
):
    """Scores both on the validation photographs, prints and writes what it found."""
    people = lspet(root)[1]
    teacher = load_network(shipped("models/pose-small.keras"))
    predict = load_predictor(teacher)
    with tempfile.TemporaryDirectory() as folder:
        cache = cache_teacher(teacher, people, predict.input_size, folder)
        facts = {}
        for rotation in ROTATIONS:
            size = predict.input_size
            config = fpd.DataConfig(size, batch_size=20, rotation=rotation)
            crops = fpd.make_dataset(
                people, config, training=True, first_epoch=0, teacher=cache
            ).take(len(people) // config.batch_size)
            facts |= {
                f"{name}, turned by up to {rotation:.0f} degrees": found
                for name, found in _compared(predict, crops).items()
            }
    publish(QUESTION, [], out, people=len(people), **facts)


def _compared(predict, crops):
    """PCK@0.2, AUC and limbs of both, and how far their joints lie apart."""
    joints = {"truth": [], "exact": [], "cached": []}
    known = []
    for images, heatmaps, weights, (soft_heatmaps, _) in crops.as_numpy_iterator():
        maps = heatmaps, predict.heatmaps(images), soft_heatmaps
        for name, each in zip(joints, maps, strict=True):
            joints[name].append(fpd.decode_heatmaps(each)[0])
        known.append(weights > 0)
    truth, exact, cached = (np.concatenate(parts) for parts in joints.values())
    known = np.concatenate(known)
    scores = {
        name: _scores(fpd.pck(predicted, truth, known, joint_set=fpd.LSP))
        for name, predicted in (("exact", exact), ("cached", cached))
    }
    apart = np.linalg.norm(exact - cached, axis=-1)[known] / 4
    return scores | {
        "median distance, heatmap pixels": round(float(np.median(apart)), 2)
    }


def _scores(scores):
    rounded = {"pck": scores.mean, "auc": scores.auc, "limbs": limb_mean(scores)}
    return {name: round(value, 2) for name, value in rounded.items()}


if __name__ == "__main__":
    typer.run(main)
