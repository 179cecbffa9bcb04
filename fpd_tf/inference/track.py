"""Tracking one person in a video: search, crop, smoothing.

K joints, S crop side in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpd_tf.contract.rules import Rules
from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.inference.crop import (
    next_region,
    squares,
    upright_matrix,
    view_matrix,
)
from fpd_tf.inference.estimator import Pose, look
from fpd_tf.inference.given import Picture, box_within, pixels_of
from fpd_tf.inference.smoothing import OneEuro
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Predictor

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class CropView:
    """The crop of the next frame.

    Args:
        matrix: (2, 3) from pixels of the stored frame to those of the crop.
        region: of the upright frame that the crop shows.
        width: of the upright frame.
        height: of the upright frame.
    """

    matrix: np.ndarray
    region: Box
    width: int
    height: int


class Track:
    """The state of tracking between frames, for any way of running the network.

    Args:
        size: S.
        rules: search, presence, crop and smoothing.
        first: the first square; if None, the person is searched for.
    """

    def __init__(self, size: int, rules: Rules, first: Box | None = None):
        self._size, self._rules = size, rules
        self._smooth = OneEuro(rules.smoothing, rules.crop.threshold)
        self._region, self._frame, self._searched = first, None, 0

    def view(
        self, width: int, height: int, rotation: int = 0, mirrored: bool = False
    ) -> CropView:
        """The crop of a frame; a frame of another size resets tracking.

        Args:
            width: of the stored frame, likewise the others (see `upright_matrix`).
        """
        upright, *frame = upright_matrix(width, height, rotation, mirrored)
        if self._frame not in (None, frame):
            self._region, self._searched = None, 0
            self._smooth.forget()
        self._frame = frame
        region = self._region or self._next_square()
        return CropView(view_matrix(region, self._size, upright), region, *frame)

    def _next_square(self):
        places = squares(*self._frame, self._rules)
        return places[self._searched % len(places)]

    def update(
        self, joints: np.ndarray, scores: np.ndarray, view: CropView, seconds: float
    ) -> Pose | None:
        """Smoothed joints in pixels of the upright frame; None without a person.

        Args:
            joints: (K, 2) pixels of the crop.
            scores: (K,).
            view: the frame's.
            seconds: its time; where that is not later than the last frame's, smoothing
                is reset.
        """
        if self._region is None:
            self._searched += 1
        if not self._rules.score.present(scores):
            self._region = None
            self._smooth.forget()
            return None
        back = invert_matrix(view.region.matrix(self._size))
        joints = apply_matrix(back, joints)
        joints = self._smooth(joints, scores, seconds, view.region.side)
        size, rule = (view.width, view.height), self._rules.crop
        self._region = next_region(joints, scores, *size, rule)
        return Pose(joints.astype(np.float32), scores)


class Tracker:
    """Finds the joints of one person in the frames of a video or a camera.

    Args:
        model: a network, a .keras or .tflite file, or what `load_predictor` gave; the
            pose.json beside a .tflite has the constants.
        box: (x, y, width, height) pixels around the person in the first frame, or the
            square; where None, the person is searched for.

    Attributes:
        joint_set: of the joints it finds.

    Raises:
        InputError: the file is missing, not a pose network, or not that of pose.json.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.track import Tracker
        >>> tracker = Tracker(fpd.build_model("tiny", input_size=64))
        >>> frame = np.zeros((90, 120, 3), np.uint8)
        >>> [tracker.update(frame, i / 30) for i in range(2)]
        [None, None]
    """

    def __init__(
        self,
        model: "keras.Model | str | Path | Predictor",
        box: Sequence[float] | Box | None = None,
    ):
        self._predictor = load_predictor(model)
        self.joint_set, self.rules = self._predictor.joint_set, self._predictor.rules
        first = box if box is None or isinstance(box, Box) else Box.around(box)
        self._track = Track(self._predictor.input_size, self.rules, first)
        self._unchecked = box

    def update(
        self,
        frame: Picture,
        seconds: float,
        *,
        rotation: int = 0,
        mirrored: bool = False,
    ) -> Pose | None:
        """Joints in the next frame, in pixels of the frame turned upright.

        Args:
            frame: (h, w, 3) uint8 RGB as stored, or (h, w) grey.
            seconds: its time; where that is not later than the last frame's, smoothing
                is reset.
            rotation: degrees clockwise that turn it upright.
            mirrored: whether it shows a mirror image.

        Returns:
            The pose; None if nobody was found.
        """
        frame = pixels_of(frame)
        height, width = frame.shape[:2]
        view = self._track.view(width, height, rotation, mirrored)
        if self._unchecked is not None:
            box_within(self._unchecked, view.width, view.height)
            self._unchecked = None
        found = look(self._predictor, frame, view.matrix)
        return self._track.update(*found, view, seconds)
