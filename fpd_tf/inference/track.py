"""One person through a video: crop, heatmaps, joints, smoothing, next crop.

K joints, S crop side in pixels, H x W heatmap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np

from fpd_tf.codec import decode_heatmaps
from fpd_tf.contract.pose_json import Crop, Smoothing, rules_of
from fpd_tf.geometry import BOX, apply_matrix, invert_matrix
from fpd_tf.inference.crop import (
    Region,
    next_region,
    upright_matrix,
    view_matrix,
    whole_frame,
)
from fpd_tf.inference.estimator import Pose, square_around
from fpd_tf.inference.smoothing import OneEuro
from fpd_tf.predictors.predictor import load_predictor


@dataclass(frozen=True, eq=False)
class CropView:
    """How the next frame is looked at.

    Args:
        matrix: (2, 3) from pixels of the stored frame to those of the crop.
        region: of the upright frame that the crop shows.
        width: of the upright frame.
        height: of the upright frame.
    """

    matrix: np.ndarray
    region: Region
    width: int
    height: int


class Track:
    """What is remembered from frame to frame, whoever runs the network.

    Args:
        size: S.
        stride: crop pixels per heatmap pixel.
        crop: rule.
        smoothing: rule.
        first: where to look first; the whole frame where None.
    """

    def __init__(
        self,
        size: int,
        stride: int,
        crop: Crop,
        smoothing: Smoothing,
        first: Region | None = None,
    ):
        self._size, self._stride, self._crop = size, stride, crop
        self._smooth = OneEuro(smoothing, crop.threshold)
        self._region, self._frame = first, None

    def view(
        self, width: int, height: int, rotation: int = 0, mirrored: bool = False
    ) -> CropView:
        """How to look at a frame; one of another size starts everything anew.

        Args:
            width: of the stored frame, likewise the others (see `upright_matrix`).
        """
        upright, *frame = upright_matrix(width, height, rotation, mirrored)
        if self._frame not in (None, frame):
            self._region = None
            self._smooth.forget()
        self._frame = frame
        region = self._region or whole_frame(*frame)
        return CropView(view_matrix(region, self._size, upright), region, *frame)

    def update(self, heatmaps: np.ndarray, view: CropView, seconds: float) -> Pose:
        """Joints in pixels of the upright frame.

        Args:
            heatmaps: (H, W, K) of the crop.
            view: the frame's.
            seconds: its time; where that is not later than the last frame's, smoothing
                starts anew.
        """
        joints, scores = decode_heatmaps(heatmaps, stride=self._stride)
        back = invert_matrix(view.region.matrix(self._size))
        joints = apply_matrix(back, joints)
        joints = self._smooth(joints, scores, seconds, view.region.side)
        self._region = next_region(joints, scores, view.width, view.height, self._crop)
        return Pose(joints.astype(np.float32), scores)


class Tracker:
    """Finds the joints of one person in the frames of a film or a camera.

    Args:
        model: a network, or a .keras or .tflite file; a contract beside the latter
            gives the constants.
        box: (x, y, width, height) pixels around the person in the first frame; the
            whole frame where None.

    Attributes:
        joint_set: of the joints it finds.

    Raises:
        InputError: the file is missing, not a pose network, or not the contract's.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.track import Tracker
        >>> tracker = Tracker(fpd.build_model("hourglass_1x256", input_size=64))
        >>> frame = np.zeros((90, 120, 3), np.uint8)
        >>> [tracker.update(frame, i / 30).joints.shape for i in range(2)]
        [(16, 2), (16, 2)]
    """

    def __init__(
        self, model: keras.Model | str | Path, box: Sequence[float] | None = None
    ):
        self._predictor = load_predictor(model)
        size, (rows, _) = self._predictor.input_size, self._predictor.heatmap_size
        first = None if box is None else _around(box)
        self.joint_set, *rules = rules_of(model, self._predictor.num_joints)
        self._track = Track(size, size // rows, *rules, first)

    def update(
        self,
        frame: np.ndarray,
        seconds: float,
        *,
        rotation: int = 0,
        mirrored: bool = False,
    ) -> Pose:
        """Joints in the next frame, in pixels of the frame turned upright.

        Args:
            frame: (h, w, 3) uint8 RGB as stored.
            seconds: its time; where that is not later than the last frame's, smoothing
                starts anew.
            rotation: degrees clockwise that turn it upright.
            mirrored: whether it shows a mirror image.
        """
        height, width = frame.shape[:2]
        view = self._track.view(width, height, rotation, mirrored)
        size = self._predictor.input_size
        crop = cv2.warpAffine(frame, view.matrix, (size, size), flags=cv2.INTER_LINEAR)
        heatmaps = self._predictor(crop[None].astype(np.float32) / 255)[0]
        return self._track.update(heatmaps, view, seconds)


def _around(box):
    center, scale = square_around((1, 1), box)
    return Region(*center.tolist(), scale * BOX)
