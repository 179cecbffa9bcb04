"""The source of crops: a photograph on disk, or the part of it in a shard.

S crop side, h w rows and columns of the pixels that are there.
"""

from abc import ABC, abstractmethod

import numpy as np

from fpd_tf.geometry import from_reduced, warp

REDUCTIONS = 8, 4, 2, 1


class CropSource(ABC):
    """Pixels of a photograph that can be cropped."""

    @abstractmethod
    def decoded(self, reduction: int) -> tuple[np.ndarray, tuple[int, int], int]:
        """The available pixels, at a lower resolution if that is faster.

        Args:
            reduction: largest factor, one of `REDUCTIONS`.

        Returns:
            (h, w, 3) uint8 RGB; the row and column of the photograph where they start;
            and by how much they are reduced.
        """

    def pixels(self) -> np.ndarray:
        """All that is there, (h, w, 3) uint8 RGB."""
        return self.decoded(1)[0]

    def crop(
        self,
        matrix: np.ndarray,
        size: int,
        *,
        window: np.ndarray | None = None,
        reduced: bool = False,
    ) -> np.ndarray:
        """A crop, (S, S, 3) uint8 RGB, black outside the photograph.

        Args:
            matrix: (2, 3) from the photograph to the crop.
            size: S.
            window: (4,) of `shown_windows`, if known.
            reduced: whether a JPEG may be decoded with a 2nd, 4th or 8th of its rows
                and columns, where that is still as fine as the crop: quicker, and
                without the aliasing of one bilinear step.

        Raises:
            InputError: the file cannot be read.
        """
        pixels, corner, reduction = self.decoded(_allowed(matrix) if reduced else 1)
        if reduction > 1:
            matrix, window = from_reduced(matrix, reduction), (0, 0, *pixels.shape[:2])
        return warp(pixels, corner, matrix, size, window)


def _allowed(matrix):
    """The largest reduction that is still as fine as the crop."""
    zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return next(each for each in REDUCTIONS if each * zoom <= 1 or each == 1)
