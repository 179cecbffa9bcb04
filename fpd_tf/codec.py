"""The codec: joints to heatmaps and back, an inverse pair.

B batch, K joints, H x W heatmap. Joints are pixels of the crop, 0-based, with pixel
centres at whole numbers; heatmap cell h covers `stride` pixels, so its centre is crop
pixel stride * h + (stride - 1) / 2. Mirroring crop and heatmap therefore agree without
the one-pixel shift that the reference code needs.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.geometry import invert_matrix

STRIDE = 4
LOG_FLOOR = 1e-3


@dataclass(frozen=True)
class Heatmaps:
    """The heatmaps of a network: crop size, stride and Gaussians.

    Args:
        input_size: S, crop pixels.
        stride: crop pixels per heatmap cell.
        sigma: of the Gaussians, heatmap cells. The paper states none; related code used
            1.75 cut to 7x7 (the Torch hourglass), 2 (the authors' PyTorch code) and 1
            (bearpaw's port), all in cells of a 64x64 heatmap.

    Raises:
        InputError: the stride does not divide the size.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.codec import Heatmaps
        >>> codec = Heatmaps(input_size=64, stride=2, sigma=1.0)
        >>> heatmaps, weights = codec.encode(np.array([[31.0, 54.25]]))
        >>> codec.decode(heatmaps)[0].round(2).tolist(), heatmaps.shape
        ([[31.0, 54.25]], (32, 32, 1))
    """

    input_size: int
    stride: int = STRIDE
    sigma: float = 2.0

    def __post_init__(self):
        if self.stride < 1 or self.input_size % self.stride:
            expected = f"a divisor of the input size, {self.input_size}"
            raise InputError("heatmaps", "stride", expected, self.stride)

    @property
    def size(self) -> int:
        """H = W, heatmap cells."""
        return self.input_size // self.stride

    def encode(
        self,
        joints: np.ndarray,
        annotated: np.ndarray | None = None,
        into: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws a Gaussian of peak 1 at each joint (Eq. 2 without its constant factor).

        The centre keeps its fraction of a pixel, so decoding is not biased.

        Args:
            joints: (..., K, 2) crop pixels (x, y).
            annotated: (..., K) bool, all True by default.
            into: (..., H, W, K) float32 to write the heatmaps to.

        Returns:
            (..., H, W, K) float32 heatmaps, zero where the weight is 0, and (..., K)
            float32 joint weights: 1 where annotated and inside the crop.
        """
        joints = np.asarray(joints, np.float32)
        if annotated is None:
            annotated = np.ones(joints.shape[:-1], bool)
        weights = annotated & _inside(joints, self.input_size)
        places = np.where(weights[..., None], joints, 0)
        centers = (places - (self.stride - 1) / 2) / self.stride
        cells = np.arange(self.size, dtype=np.float32)
        bells = np.exp(-((cells - centers[..., None]) ** 2) / (2 * self.sigma**2))
        bells *= weights[..., None, None]
        columns, rows = np.ascontiguousarray(np.moveaxis(bells, -2, 0).swapaxes(-1, -2))
        parts = rows[..., :, None, :], columns[..., None, :, :]
        return np.multiply(*parts, out=into), weights.astype(np.float32)

    def decode(self, heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Finds each joint: the largest cell, moved by a parabola through logarithms.

        For a Gaussian the parabola through the logarithms of three neighbours is exact.
        Values below 0.001 count as 0.001; the move is at most half a cell, and none
        across a border that the largest cell touches.

        Args:
            heatmaps: (..., H, W, K).

        Returns:
            (..., K, 2) float64 crop pixels (x, y), in the precision from which the apps
            compute the next crop, and (..., K) float32 scores, the largest values.
        """
        heatmaps = np.moveaxis(np.asarray(heatmaps, np.float32), -1, -3)
        height, width = heatmaps.shape[-2:]
        maps = heatmaps.reshape(-1, height, width)
        peaks = maps.reshape(len(maps), -1).argmax(axis=1)
        y, x = np.divmod(peaks, width)
        rows = np.arange(len(maps))
        columns_move = _parabola(maps[rows, y], x)
        rows_move = _parabola(maps[rows, :, x], y)
        cells = np.stack([x + columns_move, y + rows_move], axis=-1)
        joints = cells * self.stride + (self.stride - 1) / 2
        shape = heatmaps.shape[:-2]
        return joints.reshape(*shape, 2), maps[rows, y, x].reshape(shape)

    def warp(self, heatmaps: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Resamples the heatmaps of one crop for another; zero outside.

        Args:
            heatmaps: (H, W, K).
            matrix: (2, 3) from pixels of their crop to pixels of the other one.

        Returns:
            (H, W, K) float32, bilinear.
        """
        edge = (self.stride - 1) / 2
        cells = np.array(matrix, np.float64)
        cells[:, 2] = (cells[:, :2].sum(axis=1) * edge + cells[:, 2] - edge) / (
            self.stride
        )
        columns, rows = np.meshgrid(np.arange(self.size), np.arange(self.size))
        back = invert_matrix(cells)
        x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
        y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
        maps = np.asarray(heatmaps, np.float32)
        places = x.astype(np.float32), y.astype(np.float32)
        warped = cv2.remap(maps, *places, cv2.INTER_LINEAR)
        return warped.reshape(*maps.shape)


def mirrored(heatmaps: np.ndarray, flip_order: np.ndarray) -> np.ndarray:
    """(..., H, W, K) heatmaps of the mirrored crop; cells mirror without a shift.

    Args:
        heatmaps: of the crop.
        flip_order: (K,) joints as they stand in a mirrored crop.
    """
    return heatmaps[..., ::-1, :][..., flip_order]


def encode_heatmaps(
    joints: np.ndarray,
    annotated: np.ndarray | None = None,
    *,
    size: int = 64,
    sigma: float = 2.0,
    stride: int = STRIDE,
) -> tuple[np.ndarray, np.ndarray]:
    """`Heatmaps.encode` for a heatmap of that many cells.

    Args:
        joints: (..., K, 2) crop pixels (x, y).
        annotated: (..., K) bool, all True by default.
        size: H = W, heatmap cells.
        sigma: heatmap cells.
        stride: crop pixels per heatmap cell.

    Returns:
        (..., H, W, K) float32 heatmaps and (..., K) float32 joint weights.

    Example:
        >>> import numpy as np
        >>> from fpd_tf import decode_heatmaps, encode_heatmaps
        >>> heatmaps, weights = encode_heatmaps(np.array([[101.0, 54.25]]))
        >>> joints, scores = decode_heatmaps(heatmaps)
        >>> joints.round(2).tolist(), weights.tolist()
        ([[101.0, 54.25]], [1.0])
    """
    return Heatmaps(size * stride, stride, sigma).encode(joints, annotated)


def decode_heatmaps(
    heatmaps: np.ndarray, *, stride: int = STRIDE
) -> tuple[np.ndarray, np.ndarray]:
    """`Heatmaps.decode` of (..., H, W, K) heatmaps.

    Args:
        heatmaps: (..., H, W, K).
        stride: crop pixels per heatmap cell.

    Returns:
        (..., K, 2) float64 crop pixels (x, y) and (..., K) float32 scores.
    """
    return Heatmaps(np.shape(heatmaps)[-2] * stride, stride).decode(heatmaps)


def _inside(joints, crop_size):
    """Whether (..., 2) pixels lie on the crop, whose edges are half a pixel out."""
    x, y = joints[..., 0], joints[..., 1]
    edge = crop_size - 0.5
    return (x >= -0.5) & (x < edge) & (y >= -0.5) & (y < edge)


def _parabola(lines: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """(N,) moves in [-0.5, 0.5] of the peaks of (N, L) lines."""
    rows = np.arange(len(lines))
    last = lines.shape[1] - 1
    around = [lines[rows, np.clip(peaks + step, 0, last)] for step in (-1, 0, 1)]
    left, middle, right = np.log(np.maximum(np.float64(around), LOG_FLOOR))
    bend = left - 2 * middle + right
    interior = (peaks > 0) & (peaks < last) & (bend < 0)
    move = (left - right) / (2 * np.where(interior, bend, 1.0))
    return np.where(interior, move, 0.0)
