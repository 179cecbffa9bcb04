"""One annotated person.

K joints; coordinates are 0-based pixels (x, y) of the photograph.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Sample:
    """One annotated person.

    Args:
        image_path: the photograph.
        joints: (K, 2) float32 pixels (x, y), 0-based; any value where not annotated.
        annotated: (K,) bool, whether the joint has a label.
        visible: (K,) bool, whether the annotator saw it (False where occluded).
        center: (2,) float32 pixels (x, y), middle of the person's box.
        scale: side of the person's box / 200 px.
        head_size: 0.6 x diagonal of the head box in pixels, None where unknown.
        packed: byte, y, x, height and width of the part of the photograph that lies in
            the shard `image_path` (`data.packed`), None for a photograph.
    """

    image_path: Path
    joints: np.ndarray
    annotated: np.ndarray
    visible: np.ndarray
    center: np.ndarray
    scale: float
    head_size: float | None = None
    packed: tuple[int, int, int, int, int] | None = None
