"""One person through a film: the crop of the next frame, and one-euro smoothing.

This is the rule that the apps' Kotlin, Swift and JavaScript also compute; `Contract`
holds its constants. K joints, S crop side in pixels, H x W heatmap; a matrix is (2, 3)
and maps (x, y, 1), pixel centres at whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np

from fpd_tf.data.heatmaps import decode_heatmaps
from fpd_tf.data.transforms import BOX, apply_matrix, crop_matrix, invert_matrix
from fpd_tf.deploy.contract import Crop, Smoothing, rules_of
from fpd_tf.errors import InputError
from fpd_tf.inference.estimator import Pose, square_around
from fpd_tf.models.predictor import load_predictor


@dataclass(frozen=True)
class Region:
    """A square of the upright frame.

    Args:
        x: of its centre, pixels.
        y: of its centre, pixels.
        side: pixels.
    """

    x: float
    y: float
    side: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, width, height) pixels."""
        corner = (self.side - 1) / 2
        return self.x - corner, self.y - corner, self.side, self.side

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) from pixels of the upright frame to those of an S x S crop."""
        return crop_matrix((self.x, self.y), self.side / BOX, size)


def whole_frame(width: int, height: int) -> Region:
    """The square around the whole frame; what lies outside is black."""
    return Region((width - 1) / 2, (height - 1) / 2, float(max(width, height)))


def next_region(
    joints: np.ndarray,
    scores: np.ndarray,
    width: int,
    height: int,
    rule: Crop,
) -> Region:
    """Where to look in the next frame (rule: see `Crop`).

    As in MoveNet's published examples the torso decides whether the person is followed.
    Their crop reaches equally far to all sides of the hips; this one is the square
    around the person that networks are trained on, with some room to move.

    Args:
        joints: (K, 2) pixels (x, y) of the upright frame.
        scores: (K,).
        width: of the upright frame.
        height: of the upright frame.
        rule: joints, margins and what is followed.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.data.joints import LSP
        >>> from fpd_tf.deploy.contract import crop_rule
        >>> from fpd_tf.inference.tracking import next_region
        >>> joints = np.full((14, 2), 100.0)
        >>> joints[8:10, 1] = 60
        >>> next_region(joints, np.ones(14), 640, 480, crop_rule(LSP))
        Region(x=100.0, y=80.0, side=100.0)
    """
    seen = np.asarray(scores) >= rule.threshold
    if not all(seen[list(part)].any() for part in (rule.hips, rule.shoulders)):
        return whole_frame(width, height)
    torso = [joint for joint in rule.hips + rule.shoulders if seen[joint]]
    low, high = joints[seen].min(axis=0), joints[seen].max(axis=0)
    body_side = rule.body_margin * (high - low).max()
    torso_side = rule.torso_margin * np.ptp(joints[torso], axis=0).max()
    side = float(max(body_side, torso_side))
    if not rule.smallest <= side <= max(width, height):
        return whole_frame(width, height)
    x, y = ((low + high) / 2).tolist()
    return Region(x, y, side)


def upright_matrix(
    width: int, height: int, rotation: int = 0, mirrored: bool = False
) -> tuple[np.ndarray, int, int]:
    """How a camera's stored frame lies in the upright one.

    Args:
        width: of the stored frame.
        height: of the stored frame.
        rotation: 0, 90, 180 or 270 degrees clockwise that turn it upright.
        mirrored: whether it shows a mirror image, to be undone after turning: a network
            must never see one, or it takes left for right.

    Returns:
        (2, 3) from stored to upright pixels, and the upright width and height.

    Raises:
        InputError: another rotation.

    Example:
        >>> from fpd_tf.inference.tracking import upright_matrix
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


def view_matrix(region: Region, size: int, upright: np.ndarray) -> np.ndarray:
    """(2, 3) from pixels of the stored frame to those of an S x S crop of the region.

    Args:
        region: of the upright frame.
        size: S.
        upright: the matrix of `upright_matrix`.
    """
    matrix = region.matrix(size)
    return np.column_stack([np.zeros((2, 2)), matrix[:, 2]]) + matrix[:, :2] @ upright


class OneEuro:
    """Smooths joints over time (rule: see `Smoothing`).

    Args:
        rule: cut-off frequencies.
        threshold: least score of a joint that is followed.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.deploy.contract import Smoothing
        >>> from fpd_tf.inference.tracking import OneEuro
        >>> smooth = OneEuro(Smoothing(), 0.2)
        >>> for seconds in (0.0, 0.1):
        ...     at = smooth(np.full((1, 2), 10 * seconds), np.ones(1), seconds, 100.0)
        >>> bool(0 < at[0, 0] < 1)
        True
    """

    def __init__(self, rule: Smoothing, threshold: float):
        self._rule, self._threshold = rule, threshold
        self.forget()

    def forget(self) -> None:
        """Starts anew."""
        self._seconds = None

    def __call__(
        self, joints: np.ndarray, scores: np.ndarray, seconds: float, side: float
    ) -> np.ndarray:
        """(K, 2) smoothed joints.

        Args:
            joints: (K, 2) pixels.
            scores: (K,).
            seconds: time of the frame; where it is not later than the last frame's,
                or no number, everything starts anew.
            side: of the crop the joints were found in, pixels.
        """
        joints, seen = np.asarray(joints, float), np.asarray(scores) >= self._threshold
        known = np.zeros(len(joints), bool)
        if self._seconds is not None and seconds > self._seconds:
            known = seen & self._seen
            joints = self._filtered(joints, known, seconds - self._seconds, side)
        else:
            self._speeds = np.zeros_like(joints)
        self._speeds[~known] = 0
        self._joints, self._seen, self._seconds = joints, seen, seconds
        return joints.copy()

    def _filtered(self, joints, known, period, side):
        rule = self._rule
        speeds = (joints - self._joints) / period
        weight = _weight(rule.derivative_cutoff, period)
        self._speeds = weight * speeds + (1 - weight) * self._speeds
        speed = np.linalg.norm(self._speeds, axis=1, keepdims=True) / side
        weight = _weight(rule.min_cutoff + rule.beta * speed, period)
        smoothed = weight * joints + (1 - weight) * self._joints
        return np.where(known[:, None], smoothed, joints)


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
        >>> from fpd_tf.inference.tracking import Tracker
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


def _weight(cutoff, period):
    """Of the new value in a low-pass filter, its cut-off in Hz and period in s."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * period))
