"""The same people as several models see them, for the README.

python -m tools.beside people.json ours.tflite movenet-lightning.float16.tflite \
       --ids 838,1283,1568 --out docs/pictures/beside.jpg

A row for each model, a column for each person. Only photographs that may be shown.
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from fpd_tf.data.people import Sample
from fpd_tf.data.unlabelled import load_unlabelled
from fpd_tf.files import written_whole
from fpd_tf.geometry import apply_matrix, invert_matrix
from fpd_tf.inference.draw import draw_pose
from fpd_tf.joints import LSP
from fpd_tf.predictors.load import load_predictor

SIDE, GAP = 240, 6


def main(
    annotations: Path,
    models: list[Path],
    ids: Annotated[str, typer.Option(help="Of annotations, with commas between.")],
    out: Path = Path("beside.jpg"),
    threshold: float = 0.15,
):
    """Draws the sheet; joints that score less than the threshold are left out."""
    everybody = load_unlabelled(annotations, LSP)
    people = [everybody[int(each) - 1] for each in ids.split(",")]
    rows = []
    for model in models:
        predictor = load_predictor(model)
        rows.append([_drawn(predictor, person, threshold) for person in people])
    sheet = np.concatenate([_spaced(row, axis=1) for row in rows])
    with written_whole(out) as aside:
        cv2.imwrite(str(aside), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{out}: from above {', '.join(model.name for model in models)}")


def _drawn(predictor, person: Sample, threshold: float) -> np.ndarray:
    """The person's box, SIDE pixels wide, with the joints in place."""
    matrix = person.box.matrix(predictor.input_size)
    crop = person.image.crop(matrix, predictor.input_size)
    found = predictor(crop[None].astype(np.float32) / 255)
    in_photograph = apply_matrix(invert_matrix(matrix), found.joints[0])
    shown = person.box.matrix(SIDE)
    return draw_pose(
        person.image.crop(shown, SIDE),
        apply_matrix(shown, in_photograph),
        found.scores[0],
        joint_set=predictor.joint_set,
        threshold=threshold,
    )


def _spaced(tiles, axis):
    framed = [
        cv2.copyMakeBorder(tile, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(255,) * 3)
        for tile in tiles
    ]
    return np.concatenate(framed, axis=axis)


if __name__ == "__main__":
    typer.run(main)
