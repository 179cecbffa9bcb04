"""Joints to heatmaps and back: an inverse pair, in NumPy, and encoding in graph.

B batch, K joints, H x W heatmap. Joints are pixels of the crop, 0-based, with pixel
centres at whole numbers; heatmap cell h covers `stride` pixels, so its centre is crop
pixel stride * h + (stride - 1) / 2. Mirroring crop and heatmap therefore agree without
the one-pixel shift that the reference code needs.
"""

import numpy as np

STRIDE = 4
LOG_FLOOR = 1e-3


def encode_heatmaps(
    joints: np.ndarray,
    annotated: np.ndarray | None = None,
    *,
    size: int = 64,
    sigma: float = 2.0,
    stride: int = STRIDE,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a Gaussian of peak 1 at each joint (Eq. 2 without its constant factor).

    The centre keeps its fraction of a pixel, so decoding is not biased. The paper
    states no sigma; its lineage used 1.75 cut to 7x7 (the Torch hourglass), 2 (the
    authors' PyTorch code) and 1 (bearpaw's port), all in pixels of a 64x64 heatmap.

    Args:
        joints: (..., K, 2) crop pixels (x, y).
        annotated: (..., K) bool, all True by default.
        size: H = W, heatmap pixels.
        sigma: heatmap pixels.
        stride: crop pixels per heatmap pixel.

    Returns:
        (..., H, W, K) float32 heatmaps, zero where the weight is 0, and (..., K)
        float32 joint weights: 1 where annotated and inside the crop.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.codec import decode_heatmaps, encode_heatmaps
        >>> heatmaps, weights = encode_heatmaps(np.array([[101.0, 54.25]]))
        >>> joints, scores = decode_heatmaps(heatmaps)
        >>> joints.round(2).tolist(), weights.tolist()
        ([[101.0, 54.25]], [1.0])
    """
    joints = np.asarray(joints, np.float32)
    if annotated is None:
        annotated = np.ones(joints.shape[:-1], bool)
    weights = annotated & _inside(joints, size * stride)
    centers = (np.where(weights[..., None], joints, 0) - (stride - 1) / 2) / stride
    cells = np.arange(size, dtype=np.float32)
    bells = np.exp(-((cells - centers[..., None]) ** 2) / (2 * sigma**2))
    heatmaps = np.einsum(
        "...kh,...kw,...k->...hwk", bells[..., 1, :], bells[..., 0, :], weights
    )
    return heatmaps.astype(np.float32), weights.astype(np.float32)


def encode_heatmaps_in_graph(joints, annotated, *, size, sigma, stride=STRIDE):
    """`encode_heatmaps`, (..., K, 2) and (..., K), as TensorFlow operations."""
    import tensorflow as tf

    known = annotated & _inside(joints, size * stride)
    weights = tf.cast(known, tf.float32)
    centers = (tf.where(known[..., None], joints, 0.0) - (stride - 1) / 2) / stride
    cells = tf.range(size, dtype=tf.float32)
    bells = tf.exp(-((cells - centers[..., None]) ** 2) / (2 * sigma**2))
    columns, rows = (tf.linalg.matrix_transpose(bells[..., i, :]) for i in (0, 1))
    columns *= weights[..., None, :]
    return rows[..., :, None, :] * columns[..., None, :, :], weights


def decode_heatmaps(
    heatmaps: np.ndarray, *, stride: int = STRIDE
) -> tuple[np.ndarray, np.ndarray]:
    """Finds each joint: the largest cell, moved by a parabola through the logarithms.

    For a Gaussian the parabola through the logarithms of three neighbours is exact.
    Values below 0.001 count as 0.001; the move is at most half a cell, and none across
    a border that the largest cell touches.

    Args:
        heatmaps: (..., H, W, K).
        stride: crop pixels per heatmap pixel.

    Returns:
        (..., K, 2) float32 crop pixels (x, y) and (..., K) float32 scores, the value of
        the largest cell.
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
    joints = (cells * stride + (stride - 1) / 2).astype(np.float32)
    shape = heatmaps.shape[:-2]
    return joints.reshape(*shape, 2), maps[rows, y, x].reshape(shape)


def _inside(joints, crop_size):
    """Whether (..., 2) pixels lie on the crop, whose edges are half a pixel out."""
    x, y = joints[..., 0], joints[..., 1]
    edge = crop_size - 0.5
    return (x >= -0.5) & (x < edge) & (y >= -0.5) & (y < edge)


def _parabola(lines: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """(N,) moves in [-0.5, 0.5] of the peaks of (N, L) lines."""
    rows = np.arange(len(lines))
    last = lines.shape[1] - 1
    left, middle, right = (
        np.log(np.maximum(lines[rows, np.clip(peaks + step, 0, last)], LOG_FLOOR))
        for step in (-1, 0, 1)
    )
    bend = left - 2 * middle + right
    interior = (peaks > 0) & (peaks < last) & (bend < 0)
    move = (left - right) / (2 * np.where(interior, bend, 1.0))
    return np.where(interior, move, 0.0)
