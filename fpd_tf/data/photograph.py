"""A photograph on disk, decoded upright."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.data.crop_source import CropSource
from fpd_tf.data.images import (
    Measured,
    check_size,
    measured,
    read_image,
    upright_size,
)

_JPEG = b"\xff\xd8\xff"
_REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    1: 0,
}
_CORNER = 0, 0
_HEADS = 2**17  # sizes that are remembered


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

        What OpenCV cannot read, or turns otherwise, is read by Pillow, which reports
        why.

        Raises:
            InputError: as for `read_image`, or it is of another size than its labels
                say.
        """
        size = self._size_in_head()
        if self.size and tuple(self.size) != size:
            check_size(self.path, measured(self.path), self.size)
        pixels, reduction = self._read(size, reduction)
        return pixels, _CORNER, reduction

    def _size_in_head(self):
        """Before decoding: OpenCV would take 5 GB for a JPEG of 900 megapixels."""
        try:
            changed = self.path.stat().st_mtime_ns
        except OSError:
            changed = None
        return _upright_size(self.path, changed)

    def _read(self, size, reduction):
        reduced = tuple(-(-side // reduction) for side in size)
        try:
            content = self.path.read_bytes()
            if content.startswith(_JPEG):
                how = cv2.IMREAD_COLOR_RGB | _REDUCED[reduction]
                pixels = cv2.imdecode(np.frombuffer(content, np.uint8), how)
                if pixels is not None and pixels.shape[1::-1] == reduced:
                    return pixels, reduction
        except (OSError, cv2.error):
            pass
        return read_image(self.path), 1


@lru_cache(_HEADS)
def _upright_size(path, changed):
    return upright_size(path)
