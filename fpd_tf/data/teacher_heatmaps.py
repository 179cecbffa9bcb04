"""A teacher's heatmaps of many people, kept on disk and warped like their photographs.

N people, H = W heatmap of the upright crop, K joints. One PNG for each person holds
(K * H, W) bytes of value * 255: what is stored is off by at most 1/510 within [0, 1],
and clipped to that outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.codec import STRIDE
from fpd_tf.files import written_whole
from fpd_tf.geometry import crop_matrix_in_graph, invert_in_graph


@dataclass(frozen=True)
class SoftHeatmaps:
    """The folder of a teacher's heatmaps.

    Args:
        folder: NNNNNN.png for each person, counted from 0.
        size: H = W.
        flip_order: (K,) joints as they stand in a mirrored crop.
    """

    folder: Path
    size: int
    flip_order: tuple[int, ...]

    def path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.png"

    def write(self, index: int, heatmaps: np.ndarray):
        """Keeps the (H, W, K) heatmaps of a person's upright crop."""
        codes = np.rint(255 * np.clip(heatmaps, 0, 1)).astype(np.uint8)
        rows = codes.transpose(2, 0, 1).reshape(-1, self.size)
        with written_whole(self.path(index)) as aside:
            aside.write_bytes(cv2.imencode(".png", rows)[1].tobytes())

    def missing(self, count: int) -> Sequence[int]:
        """Indices below `count` that are not yet written."""
        return [index for index in range(count) if not self.path(index).is_file()]

    def in_graph(self, index, center, side, matrix, mirror):
        """The heatmaps warped to a training crop, (H, W, K) float32 tensors.

        Args:
            index: int scalar, the person.
            center: (2,) float32, the person's box.
            side: float32 scalar, likewise.
            matrix: (2, 3) float32, photograph to training crop.
            mirror: bool scalar, whether the training crop is mirrored.
        """
        import tensorflow as tf

        name = tf.strings.as_string(index, width=6, fill="0")
        file = tf.strings.join([str(self.folder), "/", name, ".png"])
        codes = tf.io.decode_png(tf.io.read_file(file), channels=1)
        joints = tf.reshape(codes, [len(self.flip_order), self.size, self.size])
        mirrored = tf.gather(joints[..., ::-1], self.flip_order)
        heatmaps = tf.transpose(tf.where(mirror, mirrored, joints), [1, 2, 0])
        upright = crop_matrix_in_graph(center, side, 0.0, mirror, self.size * STRIDE)
        return _warped(tf.cast(heatmaps, tf.float32) / 255, upright, matrix, self.size)


def _warped(heatmaps, from_image, to_image, size):
    """Heatmaps of one crop as those of another, by the crops' maps from the image."""
    import tensorflow as tf

    back = invert_in_graph(to_image)
    turn = from_image[:, :2] @ back[:, :2]
    shift = tf.linalg.matvec(from_image[:, :2], back[:, 2]) + from_image[:, 2]
    edge = (STRIDE - 1) / 2
    shift = (shift + edge * tf.reduce_sum(turn, axis=1) - edge) / STRIDE
    rows = tf.concat([turn, shift[:, None]], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=heatmaps[None],
        transforms=tf.concat([tf.reshape(rows, [6]), [0.0, 0.0]], axis=0)[None],
        output_shape=[size, size],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )[0]
