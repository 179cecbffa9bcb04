"""The predictions furthest from the truth, as pictures: what fails, and why?

python -m studies.worst tflite/models/pose-small.int8.tflite lspet --out worst.jpg
"""

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
from fpd_tf.joints import LSP
from studies.study import lspet

TILE, COLUMNS = 220, 10
BOX_OF_EXTENT = 1.3  # of LSP's boxes


def main(model: Path, root: Path, out: Path = Path("worst.jpg"), count: int = 50):
    """Draws truth over prediction for the worst people, the worst first."""
    _, held_out = lspet(root)
    result = evaluate(model, held_out)
    errors = np.array(
        [_error(*pair) for pair in zip(held_out, result.joints, strict=True)]
    )
    tiles, worst = [], np.argsort(-errors)[:count]
    _print_swaps(held_out, result.joints, errors, worst)
    for index in worst:
        sample, joints = held_out[index], result.joints[index]
        pair = (
            _drawn(sample, sample.joints, np.where(sample.annotated, 1.0, 0.0)),
            _drawn(sample, joints, result.confidences[index], threshold=0.0),
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
    swapped = joints[:, LSP.flip_order]
    others = np.array([_error(*pair) for pair in zip(held_out, swapped, strict=True)])
    nearer = others < errors
    better = np.where(nearer[:, None, None], swapped, joints)
    truth = held_out.joints, held_out.annotated
    means = [fpd.pck(each, *truth).mean for each in (joints, better)]
    print(f"{nearer[worst].sum()} of the worst {len(worst)}, {nearer.sum()} of all")
    print(f"{len(held_out)}, lie nearer to the labels with left and right swapped;")
    print("PCK@0.2 {:.1f}, {:.1f} with those swapped".format(*means))


def _error(sample, joints):
    """Mean distance of the annotated joints, in longer extents of the person."""
    distances = np.linalg.norm(joints - sample.joints, axis=1)[sample.annotated]
    return distances.mean() * BOX_OF_EXTENT / sample.box.side


def _drawn(sample, joints, scores, threshold=0.5):
    matrix = sample.box.matrix(TILE)
    crop = cv2.warpAffine(read_image(sample.image_path), matrix, (TILE, TILE))
    placed = apply_matrix(matrix, joints)
    return draw_pose(crop, placed, scores, joint_set=LSP, threshold=threshold)


def _titled(tile, sample, error):
    title = f"{sample.image_path.stem} {error:.2f}"
    white = (255, 255, 255)
    place = (4, 12)
    font = cv2.FONT_HERSHEY_SIMPLEX
    return cv2.putText(tile.copy(), title, place, font, 0.4, white, 1, cv2.LINE_AA)


if __name__ == "__main__":
    typer.run(main)
