"""A photograph on disk, decoded upright."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.data.crop_source import CropSource
from fpd_tf.data.images import Measured, check_size, measured, read_image

_JPEG = b"\xff\xd8\xff"
_REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    1: 0,
}
_CORNER = 0, 0


@dataclass(frozen=True)
class Photograph(CropSource):
    """A photograph on disk, read upright.

    Args:
        path: of the file.
        size: width and height, upright, that its labels say; None where they do not.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.photograph import Photograph
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="val")
        >>> Photograph(people[0].image_path).pixels().dtype
        dtype('uint8')
    """

    path: Path
    size: tuple[int, int] | None = None

    def check(self) -> Measured:
        """Decodes all of it.

        Raises:
            InputError: as for `read_image`, or less than 16 pixels high or wide.
        """
        return measured(self.path)

    def decoded(self, reduction: int) -> tuple[np.ndarray, tuple[int, int], int]:
        """All of it; a JPEG's levels by OpenCV are those of Pillow, in half the time.

        What OpenCV cannot read is read by Pillow, which reports why.

        Raises:
            InputError: as for `read_image`, or it is of another size than its labels
                say.
        """
        pixels, reduction = self._read(reduction)
        height, width = pixels.shape[:2]
        said = self.size and tuple(-(-side // reduction) for side in self.size)
        if said not in (None, (width, height)):
            check_size(self.path, measured(self.path), self.size)
        return pixels, _CORNER, reduction

    def _read(self, reduction):
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
