"""Where in a photograph is the person? Many squares at first, then closer."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from fpd_tf.contract.pose_json import Crop
from fpd_tf.geometry import Box
from fpd_tf.inference.crop import next_region

if TYPE_CHECKING:
    from fpd_tf.inference.estimator import Pose

SIDES = (1.0, 0.75, 0.5)
CLOSER = 3


def find_person(
    look: "Callable[[Box], Pose]", width: int, height: int, rule: Crop
) -> "Pose":
    """Joints of the most confident person, wherever in the photograph.

    The square with the highest mean score, then three looks around the joints found
    there; `benchmarks/without_box.py` measures what that is worth. A network without
    hips and shoulders looks at the whole photograph once.

    Args:
        look: gives the joints in a square of the photograph.
        width: of the photograph, pixels.
        height: of the photograph, pixels.
        rule: where to look closer.

    Example:
        >>> import numpy as np
        >>> from fpd_tf import LSP
        >>> from fpd_tf.contract.pose_json import crop_rule
        >>> from fpd_tf.inference.estimator import Pose
        >>> from fpd_tf.inference.search import find_person
        >>> def look(box):
        ...     return Pose(np.full((14, 2), box.x), np.full(14, 1 / box.side))
        >>> find_person(look, 80, 40, crop_rule(LSP)).joints[0].tolist()
        [39.5, 39.5]
    """
    if not (rule.hips and rule.shoulders):
        return look(Box.whole(width, height))
    poses = map(look, squares(width, height))
    pose = max(poses, key=lambda pose: pose.scores.mean())
    for _ in range(CLOSER):
        pose = look(next_region(pose.joints, pose.scores, width, height, rule))
    return pose


def squares(width: int, height: int) -> Iterator[Box]:
    """The whole photograph, and smaller squares that overlap by half or more.

    Example:
        >>> from fpd_tf.inference.search import squares
        >>> [box.side for box in squares(80, 40)]
        [80.0, 60.0, 60.0, 40.0, 40.0, 40.0]
    """
    for share in SIDES:
        side = share * max(width, height)
        for y, x in product(_centres(height, side), _centres(width, side)):
            yield Box(x, y, side)


def _centres(length, side):
    first, last = (side - 1) / 2, length - (side + 1) / 2
    if last <= first:
        return [(length - 1) / 2]
    count = int(np.ceil((last - first) / (side / 2))) + 1
    return np.linspace(first, last, count).tolist()
