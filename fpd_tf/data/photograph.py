"""A photograph that crops are taken from.

S crop side, h w photograph rows and columns, upright.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.data.images import Measured, measured, read_image
from fpd_tf.geometry import from_reduced, warp

_JPEG = b"\xff\xd8\xff"
_REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    1: 0,
}
_CORNER = 0, 0


@dataclass(frozen=True)
class Photograph:
    """A photograph on disk, read upright.

    Args:
        path: of the file.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.photograph import Photograph
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="val")
        >>> Photograph(people[0].image_path).pixels().dtype
        dtype('uint8')
    """

    path: Path

    def pixels(self) -> np.ndarray:
        """All of it, (h, w, 3) uint8 RGB.

        Raises:
            InputError: as for `read_image`.
        """
        return self._decoded(1)[0]

    def crop(
        self,
        matrix: np.ndarray,
        size: int,
        *,
        window: np.ndarray | None = None,
        into: np.ndarray | None = None,
        reduced: bool = False,
    ) -> np.ndarray:
        """What a crop shows, (S, S, 3) uint8 RGB, black outside of the photograph.

        Args:
            matrix: (2, 3) from the photograph to the crop.
            size: S.
            window: (4,) what `shown_windows` says of it, where that is known.
            into: (S, S, 3) uint8 to write to.
            reduced: whether a JPEG may be decoded with a 2nd, 4th or 8th of its rows
                and columns, where that is still as fine as the crop: quicker, and
                without the aliasing of one bilinear step.

        Raises:
            InputError: as for `read_image`.
        """
        zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        reduction = next(each for each in _REDUCED if each * zoom <= 1 or each == 1)
        pixels, reduction = self._decoded(reduction if reduced else 1)
        if reduction > 1:
            matrix, window = from_reduced(matrix, reduction), (0, 0, *pixels.shape[:2])
        return warp(pixels, _CORNER, matrix, size, window, into)

    def check(self) -> Measured:
        """Decodes all of it.

        Raises:
            InputError: as for `read_image`, or less than 16 pixels high or wide.
        """
        return measured(self.path)

    def _decoded(self, reduction):
        """Pixels, and by how much they are reduced: OpenCV decodes no more than JPEG.

        Its levels are those of Pillow, in half the time. What it refuses is read again
        by Pillow, which says why.
        """
        try:
            content = self.path.read_bytes()
            if content.startswith(_JPEG):
                how = cv2.IMREAD_COLOR_RGB | _REDUCED[reduction]
                pixels = cv2.imdecode(np.frombuffer(content, np.uint8), how)
                if pixels is not None:
                    return pixels, reduction
        except (OSError, cv2.error):
            pass
        return read_image(self.path), 1
