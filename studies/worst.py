"""The predictions furthest from the truth, as pictures: what fails, and why?

python -m studies.worst tflite/models/pose-small.int8.tflite lspet --out worst.jpg
python -m studies.worst tflite/models/pose-small.int8.tflite coco --data coco --count 20
"""

from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
import typer

import fpd_tf as fpd
from fpd_tf.data.images import read_image
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.files import written_whole
from fpd_tf.geometry import apply_matrix
from fpd_tf.inference.draw import draw_pose
from studies.study import lspet

TILE, COLUMNS = 220, 10
WIDENED = {"lsp": 1.3, "coco": 1.25}  # a box's side, in longer extents of the person
FEWEST = 6  # joints of those shown


class Data(StrEnum):
    lsp = "lsp"
    coco = "coco"


def main(
    model: Path,
    root: Path,
    out: Path = Path("worst.jpg"),
    count: int = 50,
    data: Data = Data.lsp,
):
    """Draws truth over prediction for the worst people, the worst first."""
    held_out = lspet(root)[1] if data == "lsp" else fpd.load_coco(root, "val")
    held_out = held_out.of(each for each in held_out if each.annotated.sum() >= FEWEST)
    result = evaluate(model, held_out)
    errors = np.array(
        [_error(*pair) for pair in zip(held_out, result.joints, strict=True)]
    )
    errors *= WIDENED[data]
    of = held_out.joint_set
    tiles, worst = [], np.argsort(-errors)[:count]
    _print_swaps(held_out, result.joints, errors, worst)
    for index in worst:
        sample, joints = held_out[index], result.joints[index]
        pair = (
            _drawn(sample, sample.joints, sample.annotated * 1.0, of),
            _drawn(sample, joints, (result.confidences[index] > 0) * 1.0, of),
        )
        tiles.append(_titled(np.concatenate(pair), sample, errors[index]))
    while len(tiles) % COLUMNS:
        tiles.append(np.zeros_like(tiles[0]))
    rows = np.array(tiles).reshape(-1, COLUMNS, *tiles[0].shape)
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    with written_whole(out) as aside:
        cv2.imwrite(str(aside), sheet[..., ::-1])
    print(f"{out}: truth above, prediction below; mean error in sides of the person")


def _print_swaps(held_out, joints, errors, worst):
    """How much is left taken for right, by the network or by who labelled?"""
    swapped = joints[:, held_out.joint_set.flip_order]
    others = np.array([_error(*pair) for pair in zip(held_out, swapped, strict=True)])
    nearer = others < errors
    better = np.where(nearer[:, None, None], swapped, joints)
    print(f"{nearer[worst].sum()} of the worst {len(worst)}, {nearer.sum()} of all")
    print(f"{len(held_out)}, lie nearer to the labels with left and right swapped")
    if held_out.joint_set == fpd.LSP:
        truth = held_out.joints, held_out.annotated
        means = [fpd.pck(each, *truth).mean for each in (joints, better)]
        print("PCK@0.2 {:.1f}, {:.1f} with those swapped".format(*means))


def _error(sample, joints):
    """Mean distance of the annotated joints that the model has, in sides of the box."""
    distances = np.linalg.norm(joints - sample.joints, axis=1)[sample.annotated]
    return np.nanmean(distances) / sample.box.side


def _drawn(sample, joints, scores, joint_set):
    matrix = sample.box.matrix(TILE)
    crop = cv2.warpAffine(read_image(sample.image_path), matrix, (TILE, TILE))
    placed = apply_matrix(matrix, joints)
    return draw_pose(crop, placed, scores, joint_set=joint_set, threshold=0.5)


def _titled(tile, sample, error):
    title = f"{sample.image_path.stem} {error:.2f}"
    white = (255, 255, 255)
    place = (4, 12)
    font = cv2.FONT_HERSHEY_SIMPLEX
    return cv2.putText(tile.copy(), title, place, font, 0.4, white, 1, cv2.LINE_AA)


if __name__ == "__main__":
    typer.run(main)
