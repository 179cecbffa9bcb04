"""A network of any kind, opened for inference: crops to joints and scores.

B batch, S input size, H = W heatmap, K joints.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import Rules
from fpd_tf.errors import InputError
from fpd_tf.joints import JointSet

_MARGIN = 0.01  # of images that were resampled


@dataclass(frozen=True, eq=False)
class Prediction:
    """The prediction of a network for B crops.

    Args:
        joints: (B, K, 2) crop pixels (x, y).
        scores: (B, K) float32, about 0 (absent) to 1 (certain).
        heatmaps: (B, H, W, K) float32, None if the network has none.
    """

    joints: np.ndarray
    scores: np.ndarray
    heatmaps: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network opened for inference, with its joint names.

    Args:
        name: of the network or its file, for messages.
        input_size: S, pixels.
        joint_set: of its joints.
        rules: crop, smoothing and scores of a video.
        run: images (B, S, S, 3) float32 RGB in [0, 1] to a Prediction.
        codec: of its heatmaps, None if it has none.
    """

    name: str
    input_size: int
    joint_set: JointSet
    rules: Rules
    run: Callable[[np.ndarray], Prediction]
    codec: Heatmaps | None = None

    def __call__(self, images: np.ndarray) -> Prediction:
        """Joints of (B, S, S, 3) RGB crops in [0, 1].

        Raises:
            InputError: the images have another shape or range, or what the network
                gives has another shape or is not finite.
        """
        images = np.asarray(images, np.float32)
        size = self.input_size
        if images.ndim != 4 or images.shape[1:] != (size, size, 3) or not images.size:
            expected = f"(B, {size}, {size}, 3)"
            raise InputError(self.name, "images", expected, images.shape)
        low, high = images.min(), images.max()
        if not -_MARGIN <= low <= high <= 1 + _MARGIN:
            expected = "0 to 1: levels divided by 255"
            raise InputError(self.name, "images", expected, f"{low:g} to {high:g}")
        found = self.run(images)
        self._check_shapes(found, len(images))
        for field, values in vars(found).items():
            if values is not None and not np.isfinite(values).all():
                received = "some that are not: are its weights whole?"
                raise InputError(self.name, field, "finite numbers", received)
        return found

    def _check_shapes(self, found, count):
        if not isinstance(found, Prediction):
            raise InputError(self.name, "run", "a Prediction", type(found).__name__)
        num_joints = self.joint_set.num_joints
        expected = {"joints": (count, num_joints, 2), "scores": (count, num_joints)}
        if self.codec and found.heatmaps is not None:
            size = self.codec.size
            expected["heatmaps"] = count, size, size, num_joints
        for field, shape in expected.items():
            received = np.shape(getattr(found, field))
            if received != shape:
                raise InputError(self.name, field, f"{shape}", received)

    def heatmaps(self, images: np.ndarray) -> np.ndarray:
        """The (B, H, W, K) float32 heatmaps of (B, S, S, 3) RGB crops in [0, 1].

        Raises:
            InputError: the images have another shape, or the network has no heatmaps.
        """
        self.check_heatmaps()
        return self(images).heatmaps

    def check_heatmaps(self) -> None:
        """Raises for a network without heatmaps."""
        if self.codec is None:
            sentence = "it outputs joints; a network with heatmaps is needed"
            raise InputError.plain(self.name, "", sentence)


def heatmap_predictor(
    name: str,
    codec: Heatmaps,
    joint_set: JointSet,
    rules: Rules,
    heatmaps_of: Callable[[np.ndarray], np.ndarray],
) -> Predictor:
    """A predictor of a network that outputs heatmaps.

    Args:
        name: for messages.
        codec: of the heatmaps.
        joint_set: K joints.
        rules: of a video.
        heatmaps_of: images (B, S, S, 3) to heatmaps (B, H, W, K).
    """

    def run(images):
        heatmaps = np.asarray(heatmaps_of(images), np.float32)
        return Prediction(*codec.decode(heatmaps), heatmaps)

    return Predictor(name, codec.input_size, joint_set, rules, run, codec)
