"""The square of a frame that is cropped for the network, and its transforms.

The apps' Kotlin, Swift and JavaScript compute the same; `contract.rules` holds the
constants. K joints, S crop side in pixels; a matrix is (2, 3) and maps (x, y, 1), pixel
centres at whole numbers.
"""

from itertools import product

import numpy as np

from fpd_tf.contract.rules import Crop, Rules
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box


def next_region(
    joints: np.ndarray,
    scores: np.ndarray,
    width: int,
    height: int,
    rule: Crop,
) -> Box:
    """The square of the next frame to crop (rule: see `Crop`).

    As in MoveNet's published examples, the torso decides whether the person is tracked.
    Their crop is centred on the hips; this one is the square around the person, as in
    training, with a margin for motion.

    Args:
        joints: (K, 2) pixels (x, y) of the upright frame.
        scores: (K,).
        width: of the upright frame.
        height: of the upright frame.
        rule: joints, margins and threshold.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.joints import LSP
        >>> from fpd_tf.contract.rules import crop_rule
        >>> from fpd_tf.inference.crop import next_region
        >>> joints = np.full((14, 2), 100.0)
        >>> joints[8:10, 1] = 60
        >>> next_region(joints, np.ones(14), 640, 480, crop_rule(LSP))
        Box(x=100.0, y=80.0, side=100.0)
    """
    seen = np.asarray(scores, np.float64) >= rule.threshold
    if not all(seen[list(part)].any() for part in (rule.hips, rule.shoulders)):
        return Box.whole(width, height)
    torso = [joint for joint in rule.hips + rule.shoulders if seen[joint]]
    low, high = joints[seen].min(axis=0), joints[seen].max(axis=0)
    body_side = rule.body_margin * (high - low).max()
    torso_side = rule.torso_margin * np.ptp(joints[torso], axis=0).max()
    side = float(max(body_side, torso_side))
    if not rule.smallest <= side <= max(width, height):
        return Box.whole(width, height)
    x, y = ((low + high) / 2).tolist()
    return Box(x, y, side)


def squares(width: int, height: int, rules: Rules) -> list[Box]:
    """Squares to search for a person: the whole frame, and overlapping smaller ones.

    For each side, they are spaced evenly from edge to edge, at most half a side apart,
    row by row; along an axis shorter than the side there is one, in the middle. For a
    network without hips and shoulders it is the whole frame only, since nobody can be
    tracked.

    Args:
        width: of the upright frame.
        height: of the upright frame.
        rules: shares of the longer side; hips and shoulders.

    Example:
        >>> from fpd_tf import LSP
        >>> from fpd_tf.contract.rules import rules_for
        >>> from fpd_tf.inference.crop import squares
        >>> [box.side for box in squares(80, 40, rules_for(LSP))]
        [80.0, 60.0, 60.0, 40.0, 40.0, 40.0]
    """
    if not (rules.crop.hips and rules.crop.shoulders):
        return [Box.whole(width, height)]
    sides = [share * max(width, height) for share in rules.search.sides]
    return [
        Box(x, y, side)
        for side in sides
        for y, x in product(_centres(height, side), _centres(width, side))
    ]


def _centres(length, side):
    first, last = (side - 1) / 2, length - (side + 1) / 2
    if last <= first:
        return [(length - 1) / 2]
    count = int(np.ceil((last - first) / (side / 2))) + 1
    return np.linspace(first, last, count).tolist()


def upright_matrix(
    width: int, height: int, rotation: int = 0, mirrored: bool = False
) -> tuple[np.ndarray, int, int]:
    """The transform from a camera's stored frame to the upright one.

    Args:
        width: of the stored frame.
        height: of the stored frame.
        rotation: 0, 90, 180 or 270 degrees clockwise that turn it upright.
        mirrored: whether it is a mirror image, to be undone after the rotation: on a
            mirror image the network swaps left and right.

    Returns:
        (2, 3) from stored to upright pixels, and the upright width and height.

    Raises:
        InputError: another rotation.

    Example:
        >>> from fpd_tf.inference.crop import upright_matrix
        >>> upright_matrix(640, 480, rotation=90)
        (array([[  0.,  -1., 479.],
               [  1.,   0.,   0.]]), 480, 640)
    """
    right, bottom = width - 1.0, height - 1.0
    turns = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, -1, bottom], [1, 0, 0]],
        180: [[-1, 0, right], [0, -1, bottom]],
        270: [[0, 1, 0], [-1, 0, right]],
    }
    if rotation not in turns:
        raise InputError("rotation", "", "0, 90, 180 or 270", rotation)
    matrix = np.array(turns[rotation], float)
    if rotation in (90, 270):
        width, height = height, width
    if mirrored:
        matrix[0] = [0, 0, width - 1] - matrix[0]
    return matrix, width, height


def view_matrix(region: Box, size: int, upright: np.ndarray) -> np.ndarray:
    """(2, 3) from pixels of the stored frame to those of an S x S crop of the region.

    Args:
        region: of the upright frame.
        size: S.
        upright: the matrix of `upright_matrix`.
    """
    matrix = region.matrix(size)
    return np.column_stack([np.zeros((2, 2)), matrix[:, 2]]) + matrix[:, :2] @ upright
