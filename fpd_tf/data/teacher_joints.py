"""A teacher's joints of many people, encoded as heatmaps for each training crop.

N people, K joints of the student.
"""

from dataclasses import dataclass

import numpy as np

from fpd_tf.codec import Heatmaps
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box, apply_matrix


@dataclass(frozen=True, eq=False)
class TeacherJoints:
    """Joints that a teacher predicted, and their weights in the loss.

    Args:
        joints: (N, K, 2) pixels of the photographs.
        weights: (N, K) from 0, joints that are ignored, to 1.
        codec: the student's.
        flip_order: (K,) joints as they stand in a mirrored crop.

    Raises:
        InputError: other shapes, or a joint that counts and is not finite.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.codec import Heatmaps
        >>> from fpd_tf.data.teacher_joints import TeacherJoints
        >>> from fpd_tf.geometry import Box
        >>> joints, weights = np.full((1, 2, 2), 50.0), np.array([[0.5, 0.0]])
        >>> kept = TeacherJoints(joints, weights, Heatmaps(64), (1, 0))
        >>> box = Box(50, 50, 100)
        >>> heatmaps, weights = kept.for_crop(0, box, box.matrix(64), mirrored=False)
        >>> heatmaps.shape, weights.tolist()
        ((16, 16, 2), [0.5, 0.0])
    """

    joints: np.ndarray
    weights: np.ndarray
    codec: Heatmaps
    flip_order: np.ndarray

    def __post_init__(self):
        joints, weights = np.asarray(self.joints), np.asarray(self.weights)
        number = len(self.flip_order)
        if (
            joints.shape != (len(joints), number, 2)
            or weights.shape != joints.shape[:2]
        ):
            expected = f"shapes (N, {number}, 2) and (N, {number})"
            raise InputError(
                "teacher",
                "joints, weights",
                expected,
                f"{joints.shape}, {weights.shape}",
            )
        if not np.isfinite(joints[weights > 0]).all():
            sentence = "some are not finite, yet have a weight above 0"
            raise InputError.plain("teacher", "joints", sentence)

    def for_crop(
        self, index: int, box: Box, matrix: np.ndarray, mirrored: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gaussians at the joints of a training crop, as `pipeline.Teacher` defines.

        A joint outside the crop has weight 0.
        """
        joints, weights = self.joints[index], self.weights[index]
        if mirrored:
            order = list(self.flip_order)
            joints, weights = joints[order], weights[order]
        known = weights > 0
        in_crop = apply_matrix(matrix, np.where(known[:, None], joints, 0))
        heatmaps, inside = self.codec.encode(in_crop, known)
        return heatmaps, (weights * inside).astype(np.float32)
