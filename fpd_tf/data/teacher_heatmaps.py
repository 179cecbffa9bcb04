"""A teacher's heatmaps of many people, cached on disk and warped like their crops.

N people, H = W heatmap of the upright crop, K joints. One PNG for each person holds
(K * H, W) bytes of value * 255: what is stored is off by at most 1/510 within [0, 1],
and clipped to that outside.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.codec import Heatmaps
from fpd_tf.errors import InputError
from fpd_tf.files import written_whole
from fpd_tf.geometry import Box, compose, invert_matrix


@dataclass(frozen=True)
class TeacherHeatmaps:
    """The folder of a teacher's heatmaps.

    Args:
        folder: NNNNNN.png for each person, counted from 0.
        codec: of the heatmaps, for upright and training crops alike.
        flip_order: (K,) joints as they stand in a mirrored crop.
        weights: (K,) of each joint in the loss, all 1 by default; 0 for joints that
            the teacher does not predict.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from fpd_tf.codec import Heatmaps
        >>> from fpd_tf.data.teacher_heatmaps import TeacherHeatmaps
        >>> from fpd_tf.geometry import Box
        >>> kept = TeacherHeatmaps(Path("."), Heatmaps(64), (1, 0))
        >>> kept.write(0, np.ones((16, 16, 2)))
        >>> box = Box(50, 40, 100)
        >>> heatmaps, weights = kept.for_crop(0, box, box.matrix(64), mirrored=False)
        >>> heatmaps.shape, weights.tolist()
        ((16, 16, 2), [1.0, 1.0])
    """

    folder: Path
    codec: Heatmaps
    flip_order: tuple[int, ...]
    weights: tuple[float, ...] | None = None

    def path(self, index: int) -> Path:
        """The file of a person."""
        return self.folder / f"{index:06d}.png"

    def write(self, index: int, heatmaps: np.ndarray) -> None:
        """Stores the (H, W, K) heatmaps of a person's upright crop."""
        codes = np.rint(255 * np.clip(heatmaps, 0, 1)).astype(np.uint8)
        rows = codes.transpose(2, 0, 1).reshape(-1, self.codec.size)
        with written_whole(self.path(index)) as aside:
            aside.write_bytes(cv2.imencode(".png", rows)[1].tobytes())

    def missing(self, count: int) -> list[int]:
        """Indices below `count` that are not yet written."""
        return [index for index in range(count) if not self.path(index).is_file()]

    def for_crop(
        self, index: int, box: Box, matrix: np.ndarray, mirrored: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The heatmaps warped to a training crop, as `pipeline.Teacher` defines.

        Raises:
            InputError: the person's file is missing or damaged.
        """
        kept = self._read(index)
        upright = box.matrix(self.codec.input_size)
        heatmaps = self.codec.warp(kept, compose(matrix, invert_matrix(upright)))
        joints = len(self.flip_order)
        weights = np.ones(joints) if self.weights is None else np.array(self.weights)
        order = list(self.flip_order if mirrored else range(joints))
        return heatmaps[..., order], weights[order].astype(np.float32)

    def _read(self, index):
        path, size = self.path(index), self.codec.size
        expected = f"a whole PNG, the heatmaps of {len(self.flip_order)} joints"
        try:
            content = np.frombuffer(path.read_bytes(), np.uint8)
            codes = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
            if codes is None:
                raise ValueError(
                    "not an image; delete the file, and it is computed again"
                )
            rows = codes.reshape(len(self.flip_order), size, size)
        except (OSError, cv2.error, ValueError) as error:
            raise InputError(path, "", expected, error) from error
        return rows.transpose(1, 2, 0).astype(np.float32) / 255
