"""A .tflite that outputs joints: MoveNet for one person, or one of `export.decode`.

The file's output is (1, 1, K, 3) (MoveNet) or (1, K, 3) (`export.decode`): y and x
from 0 to 1 over the crop, and a score. S input size, K joints.
"""

from collections.abc import Sequence

import numpy as np

from fpd_tf.contract.metadata import joint_set_within
from fpd_tf.contract.rules import rules_for
from fpd_tf.contract.short_form import ShortContract
from fpd_tf.errors import InputError
from fpd_tf.joints import COCO, numbered_joints
from fpd_tf.predictors.predictor import Prediction, Predictor
from fpd_tf.predictors.tflite_network import TfliteNetwork

FIRST_LEVEL = {"uint8": 0, "int32": 0, "float32": 0, "int8": -128}
FARTHEST = 10  # crops away from this one; pixels are farther


def gives_joints(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether outputs of these shapes are joints.

    Example:
        >>> from fpd_tf.predictors.movenet import gives_joints
        >>> gives_joints([(1, 1, 17, 3)]), gives_joints([(1, 64, 64, 16)])
        (True, False)
    """
    return len(shapes) == 1 and (_is_movenet(shapes[0]) or _is_ours(shapes[0]))


def joints_predictor(
    network: TfliteNetwork, told: ShortContract | None = None
) -> Predictor:
    """A predictor of a network that outputs joints.

    MoveNet takes pixel values 0 to 255 of any type, and its 17 joints are COCO's. Names
    inside the file take precedence, and `told` over both.

    Args:
        network: with the one output of `gives_joints`.
        told: the short contract beside the file.

    Raises:
        InputError: an image of another type; when it runs, joints (1, K, 3) in pixels.
    """
    (shape,), size = network.shapes, network.input_size
    levels = _is_movenet(shape) and not (told and told.image.range)
    if levels and network.dtype not in FIRST_LEVEL:
        expected = f"{', '.join(FIRST_LEVEL)}"
        raise InputError(network.path, "type of the image", expected, network.dtype)

    def run(images):
        (found,) = network(as_levels(images, network.dtype) if levels else images)
        found = np.asarray(found, np.float32).reshape(len(images), -1, 3)
        if _is_ours(shape) and np.abs(found[..., :2]).max() > FARTHEST:
            received = f"{found[..., :2].min():g} to {found[..., :2].max():g}"
            expected = "y and x in parts of the crop, 0 to 1"
            raise InputError(network.path, "joints", expected, received)
        return Prediction(size * found[..., 1::-1] - 0.5, found[..., 2])

    joint_set = told.joint_set if told else _joints_of(network.path, shape[-2])
    rules = rules_for(joint_set)
    return Predictor(str(network.path), size, joint_set, rules, run)


def is_movenet(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether outputs of these shapes are those of MoveNet for one person."""
    return len(shapes) == 1 and _is_movenet(shapes[0])


def as_levels(images: np.ndarray, dtype: str) -> np.ndarray:
    """Images in [0, 1] as levels 0 to 255; an int8 holds them less 128.

    Args:
        images: (B, S, S, 3) RGB.
        dtype: one of `FIRST_LEVEL`.
    """
    return (np.rint(255 * images) + FIRST_LEVEL[dtype]).astype(dtype)


def _is_movenet(shape):
    return len(shape) == 4 and shape[:2] == (1, 1) and shape[3] == 3


def _is_ours(shape):
    return len(shape) == 3 and shape[0] == 1 and shape[2] == 3


def _joints_of(path, num_joints):
    known = COCO if num_joints == COCO.num_joints else numbered_joints(num_joints)
    return joint_set_within(path, num_joints) or known
