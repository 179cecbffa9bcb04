"""Photograph and box in, joints out, from a .keras or a .tflite file.

K joints, S input size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np

from fpd_tf.codec import decode_heatmaps
from fpd_tf.contract.pose_json import rules_of
from fpd_tf.data.images import read_image
from fpd_tf.errors import InputError
from fpd_tf.geometry import BOX, apply_matrix, crop_matrix, invert_matrix
from fpd_tf.predictors.predictor import load_predictor


@dataclass(frozen=True, eq=False)
class Pose:
    """One person's joints.

    Args:
        joints: (K, 2) float32 pixels (x, y) of the photograph.
        scores: (K,) float32, the largest value of each heatmap.
    """

    joints: np.ndarray
    scores: np.ndarray


class PoseEstimator:
    """Finds the joints of one person in a photograph.

    Args:
        model: a network, or a .keras or .tflite file; a contract beside the latter, or
            else what stands inside, names the joints.

    Attributes:
        joint_set: of the joints it finds.
        crop: where to look closer around them.

    Raises:
        InputError: the file is missing, not a pose network, or not the contract's.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> model = fpd.build_model("hourglass_1x256", input_size=64)
        >>> photograph = np.zeros((90, 120, 3), np.uint8)
        >>> fpd.PoseEstimator(model).predict(photograph).joints.shape
        (16, 2)
    """

    def __init__(self, model: keras.Model | str | Path):
        self._predictor = load_predictor(model)
        self.joint_set, self.crop, _ = rules_of(model, self._predictor.num_joints)

    def predict(
        self,
        image: np.ndarray | str | Path,
        box: Sequence[float] | None = None,
    ) -> Pose:
        """Joints of the person in a box.

        Args:
            image: (h, w, 3) uint8 RGB, or a file.
            box: (x, y, width, height) pixels around the person; where None, the whole
                photograph. The crop is the square with the longer side.

        Raises:
            InputError: the image cannot be read, or the box is no box.
        """
        if isinstance(image, str | Path):
            image = read_image(image)
        center, scale = square_around(image.shape, box)
        return self._predict_square(image, center, scale)

    def _predict_square(self, image, center, scale):
        size = self._predictor.input_size
        matrix = crop_matrix(center, scale, size)
        crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
        heatmaps = self._predictor(crop[None].astype(np.float32) / 255)[0]
        joints, scores = decode_heatmaps(heatmaps)
        joints = apply_matrix(invert_matrix(matrix), joints).astype(np.float32)
        return Pose(joints, scores)


def square_around(shape, box):
    """Center (2,) and scale of the square around a box, or around the whole image."""
    height, width = shape[:2]
    x, y, box_width, box_height = (0, 0, width, height) if box is None else box
    if not np.isfinite([x, y]).all() or not (
        0 < box_width < np.inf and 0 < box_height < np.inf
    ):
        raise InputError(
            "box", "", "x y width height, the last two above 0", tuple(box)
        )
    center = np.array([x + (box_width - 1) / 2, y + (box_height - 1) / 2])
    return center, max(box_width, box_height) / BOX
