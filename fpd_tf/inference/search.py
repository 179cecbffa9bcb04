"""Where in a photograph is the person? Many squares at first, then closer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fpd_tf.contract.rules import Rules
from fpd_tf.geometry import Box
from fpd_tf.inference.crop import next_region, squares

if TYPE_CHECKING:
    from fpd_tf.inference.estimator import Pose

CLOSER = 3


def find_person(
    look: "Callable[[Box], Pose]", width: int, height: int, rules: Rules
) -> "Pose":
    """Joints of the most confident person, wherever in the photograph.

    The square with the highest mean score, then three looks around the joints found
    there; `benchmarks/without_box.py` measures what that is worth. A network without
    hips and shoulders looks at the whole photograph once.

    Args:
        look: gives the joints in a square of the photograph.
        width: of the photograph, pixels.
        height: of the photograph, pixels.
        rules: where to look, and where to look closer.

    Example:
        >>> import numpy as np
        >>> from fpd_tf import LSP
        >>> from fpd_tf.contract.rules import rules_for
        >>> from fpd_tf.inference.estimator import Pose
        >>> from fpd_tf.inference.search import find_person
        >>> def look(box):
        ...     return Pose(np.full((14, 2), box.x), np.full(14, 1 / box.side))
        >>> find_person(look, 80, 40, rules_for(LSP)).joints[0].tolist()
        [39.5, 39.5]
    """
    searched = squares(width, height, rules)
    poses = map(look, searched)
    pose = max(poses, key=lambda pose: pose.scores.mean())
    for _ in range(CLOSER if len(searched) > 1 else 0):
        region = next_region(pose.joints, pose.scores, width, height, rules.crop)
        pose = look(region)
    return pose
