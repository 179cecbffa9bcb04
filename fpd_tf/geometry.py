"""Boxes and crops: affine transforms between photograph and crop, and resampling.

N boxes, S crop side in pixels, K joints. A matrix is (2, 3) and maps (x, y, 1); pixel
centres are whole numbers in the photograph and in the crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fpd_tf.errors import InputError

JOINTS_MARGIN, SMALLEST_BOX = 1.3, 60.0
_PADDED = 4  # OpenCV warps four channels in half the time of three, for equal levels


@dataclass(frozen=True)
class Box:
    """A square of a photograph.

    Args:
        x: of its centre, pixels.
        y: of its centre, pixels.
        side: pixels, above 0.

    Raises:
        InputError: a number is not finite, or the side is not above 0.

    Example:
        >>> from fpd_tf.geometry import Box, apply_matrix
        >>> box = Box(100, 80, 128)
        >>> apply_matrix(box.matrix(256), [[100, 80]]).tolist()
        [[127.5, 127.5]]
    """

    x: float
    y: float
    side: float

    def __post_init__(self):
        given = self.x, self.y, self.side
        x, y, side = found = _floats(given, 3)
        if not (np.isfinite([x, y]).all() and 0 < side < np.inf):
            expected = "a finite centre x, y and a side above 0, in pixels"
            raise InputError("box", "", expected, given)
        for field, number in zip(("x", "y", "side"), found, strict=True):
            object.__setattr__(self, field, number)

    @classmethod
    def around(cls, rectangle: Sequence[float]) -> "Box":
        """The square with the longer side of (x, y, width, height), centred on it.

        Raises:
            InputError: not four finite numbers, the last two above 0.
        """
        x, y, width, height = numbers = _floats(rectangle, 4)
        if not (np.isfinite(numbers).all() and min(width, height) > 0):
            expected = "x y width height in pixels, the last two above 0"
            raise InputError("box", "", expected, rectangle)
        return cls(x + (width - 1) / 2, y + (height - 1) / 2, max(width, height))

    @classmethod
    def whole(cls, width: int, height: int) -> "Box":
        """The square around a whole photograph; what lies outside is black."""
        return cls.around((0, 0, width, height))

    @classmethod
    def of_joints(
        cls,
        joints: np.ndarray,
        margin: float = JOINTS_MARGIN,
        smallest: float = SMALLEST_BOX,
    ) -> "Box":
        """The square around (K, 2) joints: `margin` times their longer extent.

        Args:
            joints: pixels, at least one.
            margin: factor on the extent.
            smallest: least side, pixels.
        """
        low, high = joints.min(axis=0), joints.max(axis=0)
        x, y = ((low + high) / 2).tolist()
        return cls(x, y, max(margin * float((high - low).max()), smallest))

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        """(x, y, width, height) pixels."""
        corner = (self.side - 1) / 2
        return self.x - corner, self.y - corner, self.side, self.side

    def scaled(self, factor: float) -> "Box":
        """The box with the same centre and `factor` times the side."""
        return Box(self.x, self.y, self.side * factor)

    def matrix(
        self, size: int, rotation: float = 0.0, mirrored: bool = False
    ) -> np.ndarray:
        """The affine map from pixels of the photograph to those of an S x S crop.

        Args:
            size: S.
            rotation: degrees; the crop turns clockwise under a positive angle.
            mirrored: whether the crop is mirrored left to right afterwards.

        Returns:
            (2, 3) float64.
        """
        return crop_matrices([self], size, rotation, mirrored)[0]


def _floats(values, count):
    """So many floats; NaN in place of anything else."""
    try:
        numbers = np.asarray(values, float)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    return numbers.tolist() if numbers.shape == (count,) else [np.nan] * count


def crop_matrices(
    boxes: Sequence[Box],
    size: int,
    rotations: float | np.ndarray = 0.0,
    mirrored: bool | np.ndarray = False,
) -> np.ndarray:
    """`Box.matrix` of N boxes at once.

    Args:
        boxes: N.
        size: S.
        rotations: degrees, one or (N,).
        mirrored: one or (N,) bool.

    Returns:
        (N, 2, 3) float64.

    Example:
        >>> from fpd_tf.geometry import Box, crop_matrices
        >>> crop_matrices([Box(1.5, 1.5, 4)], size=4).tolist()
        [[[1.0, -0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    squares = np.array([(box.x, box.y, box.side) for box in boxes])
    return square_matrices(squares, size, rotations, mirrored)


def square_matrices(
    squares: np.ndarray,
    size: int,
    rotations: float | np.ndarray = 0.0,
    mirrored: bool | np.ndarray = False,
) -> np.ndarray:
    """`crop_matrices` of (N, 3) rows x, y, side."""
    zoom = size / squares[:, 2]
    radians = np.deg2rad(np.broadcast_to(rotations, zoom.shape))
    cosine, sine = zoom * np.cos(radians), zoom * np.sin(radians)
    sign = np.where(np.broadcast_to(mirrored, zoom.shape), -1.0, 1.0)
    turns = np.stack(
        [np.stack([sign * cosine, -sign * sine], -1), np.stack([sine, cosine], -1)], -2
    )
    shifts = (size - 1) / 2 - (turns @ squares[:, :2, None])
    return np.concatenate([turns, shifts], axis=-1)


def invert_matrix(matrix: np.ndarray) -> np.ndarray:
    """The affine map back, from pixels of the crop to pixels of the photograph."""
    turn = np.linalg.inv(matrix[..., :2])
    return np.concatenate([turn, -turn @ matrix[..., 2:]], axis=-1)


def apply_matrix(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps (..., K, 2) points by a (..., 2, 3) matrix."""
    matrix = np.asarray(matrix)
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix of `first` followed by `second`."""
    moved = second[:, :2] @ first
    moved[:, 2] += second[:, 2]
    return moved


def shown_windows(matrices: np.ndarray, size: int) -> np.ndarray:
    """The photographs' pixels that crops can show.

    One more at each side than bilinear interpolation needs.

    Args:
        matrices: (N, 2, 3) from photographs to crops.
        size: S.

    Returns:
        (N, 4) int rows and columns: y, x from and y, x to.
    """
    last = size - 1.0
    corners = np.array([[0.0, 0.0], [last, 0.0], [0.0, last], [last, last]])
    places = apply_matrix(invert_matrix(matrices), corners)[..., ::-1]
    low = np.floor(places.min(axis=-2)) - 1
    high = np.floor(places.max(axis=-2)) + 3
    return np.concatenate([low, high], axis=-1).astype(int)


def warp(
    pixels: np.ndarray,
    corner: Sequence[int],
    matrix: np.ndarray,
    size: int,
    window: Sequence[int] | None = None,
) -> np.ndarray:
    """Resamples bilinearly, black outside, rounded to uint8 as the apps do.

    Whichever part of the photograph `pixels` are, the result is the same.

    Args:
        pixels: (h, w, 3) uint8, at least the part of the photograph in the window.
        corner: row and column of the photograph where `pixels` start.
        matrix: (2, 3) from the photograph to the crop.
        size: S.
        window: of `shown_windows` for the crop, if known.

    Returns:
        (S, S, 3) uint8.
    """
    if window is None:
        window = shown_windows(matrix[None], size)[0]
    (height, width), (above, left) = pixels.shape[:2], corner
    y = min(max(int(window[0]) - above, 0), height - 1)
    x = min(max(int(window[1]) - left, 0), width - 1)
    shown = pixels[y : max(int(window[2]) - above, y + 1), x:][
        :, : max(int(window[3]) - left - x, 1)
    ]
    moved = np.array(matrix, np.float64)
    moved[:, 2] += moved[:, 0] * (x + left) + moved[:, 1] * (y + above)
    if shown.shape[0] * shown.shape[1] > _PADDED * size**2:
        return cv2.warpAffine(shown, moved, (size, size))
    padded = cv2.cvtColor(shown, cv2.COLOR_RGB2RGBA)
    padded = cv2.warpAffine(padded, moved, (size, size))
    return cv2.cvtColor(padded, cv2.COLOR_RGBA2RGB)


def from_reduced(matrix: np.ndarray, reduction: int) -> np.ndarray:
    """A (2, 3) matrix from a photograph as one from the same, reduced.

    Args:
        matrix: from pixels of the photograph.
        reduction: rows and columns of the photograph to one of the reduced picture,
            whose centre is theirs.
    """
    moved = np.array(matrix, np.float64)
    moved[:, 2] += moved[:, :2].sum(axis=1) * (reduction - 1) / 2
    moved[:, :2] *= reduction
    return moved
