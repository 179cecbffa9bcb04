"""One person of MPII, from either format.

Both formats store joints, objpos (center) and head box in 1-based pixels; scale =
height of the person / 200 px. A Sample has 0-based pixels; its box is moved down by
15 px x scale and enlarged by 1.25, the crop that the published networks were trained
on (Newell et al., ECCV 2016, and the code bases after it).
"""

from pathlib import Path

import numpy as np

from fpd_tf.data.checks import FARTHEST, check_near, described
from fpd_tf.data.people import Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box

SCALE = 200
_LOWERED, _WIDENED = 15, 1.25
_HEAD_BIAS = 0.6


def image_path(root: Path, name: object, source: Path, field: str) -> Path:
    """The photograph of that name.

    Raises:
        InputError: it is no name of a file under `root/images`.
    """
    parts = Path(name).parts if isinstance(name, str) else ()
    if not parts or ".." in parts or Path(name).is_absolute() or "\0" in name:
        wanted = "the name of a file under images/"
        raise InputError(source, f"{field}.image", wanted, described(name))
    return root / "images" / name


def mpii_person(
    image_path: Path,
    labels: tuple[np.ndarray, np.ndarray, np.ndarray],
    center: np.ndarray,
    scale: float,
    head_box: np.ndarray | None,
    source: str | Path,
    field: str,
) -> Sample:
    """A 0-based Sample of the values in a file (labels and boxes are 1-based)."""
    joints, annotated, visible = labels
    check_near(joints[annotated], source, f"{field}.joints")
    check_near(center, source, f"{field}.center")
    if not 1 / SCALE <= scale <= FARTHEST / SCALE:
        where = f"{field}.scale"
        raise InputError(source, where, "a number above 0 (x 200 px)", scale)
    head_size = None
    if head_box is not None:
        check_near(head_box, source, f"{field}.head box")
        head_size = _HEAD_BIAS * float(np.hypot(*(head_box[1] - head_box[0])))
        if not head_size:
            where = f"{field}.head box"
            raise InputError(source, where, "a diagonal above 0", head_size)
    return Sample(
        image_path=image_path,
        joints=np.where(annotated[:, None], joints - 1, 0).astype(np.float32),
        annotated=annotated,
        visible=visible,
        box=Box(*(center + [0, _LOWERED * scale] - 1), SCALE * scale * _WIDENED),
        head_size=head_size,
    )
