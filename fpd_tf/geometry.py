"""From a person's box to the crop and back: one affine map, one resampling.

S crop side in pixels, K joints. A matrix is (2, 3) and maps (x, y, 1); pixel centres
are whole numbers in the photograph and in the crop.
"""

import cv2
import numpy as np

BOX = 200.0


def crop_matrix(
    center: np.ndarray, scale: float, size: int, rotation: float = 0.0
) -> np.ndarray:
    """The affine map from pixels of the photograph to pixels of the crop.

    Args:
        center: (2,) pixels (x, y), the middle of the person's box.
        scale: side of the box / 200 px.
        size: S.
        rotation: degrees; the crop turns clockwise under a positive angle.

    Returns:
        (2, 3) float64.

    Example:
        >>> from fpd_tf.geometry import apply_matrix, crop_matrix
        >>> matrix = crop_matrix([100, 80], 0.64, 256)
        >>> apply_matrix(matrix, [[100, 80]]).tolist()
        [[127.5, 127.5]]
    """
    zoom = size / (scale * BOX)
    radians = np.deg2rad(rotation)
    cosine, sine = zoom * np.cos(radians), zoom * np.sin(radians)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    shift = (size - 1) / 2 - turn @ np.asarray(center, np.float64)
    return np.concatenate([turn, shift[:, None]], axis=1)


def invert_matrix(matrix: np.ndarray) -> np.ndarray:
    """The affine map back, from pixels of the crop to pixels of the photograph."""
    turn = np.linalg.inv(matrix[..., :2])
    return np.concatenate([turn, -turn @ matrix[..., 2:]], axis=-1)


def apply_matrix(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps (..., K, 2) points by a (..., 2, 3) matrix."""
    matrix = np.asarray(matrix)
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def warp(
    pixels: np.ndarray,
    corner: np.ndarray,
    window: np.ndarray,
    matrix: np.ndarray,
    size: int,
) -> np.ndarray:
    """Resamples once, bilinear, black outside, rounded to levels as the apps do.

    Whichever part of the photograph `pixels` are, the result is the same.

    Args:
        pixels: (h, w, 3) uint8, at least what the photograph has of the window.
        corner: (2,) the photograph's row and column where `pixels` start.
        window: (4,) rows and columns y, x to y, x that the crop can show.
        matrix: (2, 3) from the photograph to the crop.
        size: S.

    Returns:
        (S, S, 3) uint8.
    """
    extent = pixels.shape[:2]
    low = np.clip(window[:2] - corner, 0, np.subtract(extent, 1))
    high = np.clip(window[2:] - corner, low + 1, extent)
    shown = pixels[low[0] : high[0], low[1] : high[1]]
    moved = matrix.astype(np.float64)
    moved[:, 2] += moved[:, :2] @ (corner + low)[::-1]
    return cv2.warpAffine(shown, moved, (size, size))


def crop_matrix_in_graph(center, scale, rotation, mirror, size):
    """`crop_matrix` as TensorFlow operations, mirrored left to right where asked.

    Args:
        center: (..., 2) float32 pixels.
        scale: (...) float32.
        rotation: (...) float32, degrees.
        mirror: (...) bool.
        size: S.
    """
    import tensorflow as tf

    zoom = size / (scale * BOX)
    radians = rotation * (np.pi / 180)
    cosine, sine = zoom * tf.cos(radians), zoom * tf.sin(radians)
    sign = tf.where(mirror, -1.0, 1.0)
    rows = [[sign * cosine, -sign * sine], [sine, cosine]]
    turn = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
    shift = (size - 1) / 2 - tf.linalg.matvec(turn, center)
    return tf.concat([turn, shift[..., None]], axis=-1)


def invert_in_graph(matrix):
    """`invert_matrix` of a (..., 2, 3) tensor."""
    import tensorflow as tf

    turn = tf.linalg.inv(matrix[..., :2])
    shift = tf.linalg.matvec(turn, matrix[..., 2])
    return tf.concat([turn, -shift[..., None]], axis=-1)
