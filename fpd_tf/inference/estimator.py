"""Joints of people in a photograph, by a network of any kind.

K joints, S input size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.inference.given import Picture, box_within, check_count, pixels_of
from fpd_tf.inference.search import find_people, find_person
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Predictor

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Pose:
    """One person's joints.

    Args:
        joints: (K, 2) float32 pixels (x, y) of the photograph.
        scores: (K,) float32, about 0 (absent) to 1 (certain).
    """

    joints: np.ndarray
    scores: np.ndarray

    def rows(self) -> list[list[float]]:
        """[x, y, score] of each joint."""
        return np.column_stack([self.joints, self.scores]).tolist()


class PoseEstimator:
    """Finds the joints of one person in a photograph.

    Args:
        model: a network, a .keras or .tflite file, or what `load_predictor` gave.

    Attributes:
        joint_set: of the joints it finds.
        rules: crop, smoothing and scores, from pose.json if there is one.

    Raises:
        InputError: the file is missing, not a pose network, or not that of pose.json.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> model = fpd.build_model("tiny", input_size=64)
        >>> photograph = np.zeros((90, 120, 3), np.uint8)
        >>> fpd.PoseEstimator(model).predict(photograph).joints.shape
        (16, 2)
    """

    def __init__(self, model: "keras.Model | str | Path | Predictor"):
        self._predictor = load_predictor(model)
        self.joint_set = self._predictor.joint_set
        self.rules = self._predictor.rules

    def predict(
        self,
        image: Picture,
        box: Sequence[float] | Box | None = None,
    ) -> Pose:
        """Joints of the person in a box, or of the most confident person.

        Args:
            image: (h, w, 3) uint8 RGB or (h, w) grey, a PIL image, or a file.
            box: (x, y, width, height) pixels around the person; the crop is the square
                with the longer side. If None, the photograph is searched
                (`find_person`).

        Raises:
            InputError: the image cannot be read, or the box is none of its pixels.
        """
        image = pixels_of(image)
        height, width = image.shape[:2]
        if box is None:
            look_at = partial(self._look, image)
            return _single(find_person(look_at, width, height, self.rules))
        return _single(self._look(image, box_within(box, width, height)))

    def predict_people(self, image: Picture, most: int) -> list[Pose]:
        """Joints of up to so many people, the most confident first.

        It takes the time of `predict` without a box, and of three crops for each
        person.

        Args:
            image: as for `predict`.
            most: people, 1 or more.

        Raises:
            InputError: the image cannot be read, or another number of people.
        """
        check_count("most", most)
        image = pixels_of(image)
        height, width = image.shape[:2]
        look_at = partial(self._look, image)
        found = find_people(look_at, width, height, self.rules, most)
        return [_single(pose) for pose in found]

    def _look(self, image, box):
        matrix = box.matrix(self._predictor.input_size)
        joints, scores = look(self._predictor, image, matrix)
        return Pose(apply_matrix(invert_matrix(matrix), joints), scores)


def _single(pose):
    """In single precision, which is not enough for the crops before: if a crop moves by
    a hundred-thousandth of a pixel, int8 joints may move by whole pixels.
    """
    return Pose(pose.joints.astype(np.float32), pose.scores)


def look(
    predictor: Predictor, image: np.ndarray, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Joints (K, 2) in pixels of one crop, and scores (K,).

    Args:
        predictor: of the joints.
        image: (h, w, 3) uint8 RGB.
        matrix: (2, 3) from pixels of the image to those of the crop.
    """
    size = predictor.input_size
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    found = predictor(crop[None].astype(np.float32) / 255)
    return found.joints[0], found.scores[0]
