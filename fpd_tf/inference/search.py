"""Where in a photograph is the person? Many squares at first, then closer."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from fpd_tf.inference.crop import Region, next_region
from fpd_tf.inference.estimator import Pose, PoseEstimator

SIDES = (1.0, 0.75, 0.5)
CLOSER = 3


def find_person(estimator: PoseEstimator, image: np.ndarray) -> Pose:
    """Joints of the person that is seen best, wherever in the photograph.

    The square with the highest mean score, then three looks around the joints found
    there; `benchmarks/without_box.py` measures what that is worth. A network without
    hips and shoulders looks at the whole photograph once.

    Args:
        estimator: of the joints.
        image: (h, w, 3) uint8 RGB.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.search import find_person
        >>> model = fpd.build_model("hourglass_1x256", input_size=64)
        >>> photograph = np.zeros((90, 120, 3), np.uint8)
        >>> find_person(fpd.PoseEstimator(model), photograph).joints.shape
        (16, 2)
    """
    rule = estimator.crop
    if not (rule.hips and rule.shoulders):
        return estimator.predict(image)
    height, width = image.shape[:2]
    poses = (estimator.predict(image, each.box) for each in squares(width, height))
    pose = max(poses, key=lambda pose: pose.scores.mean())
    for _ in range(CLOSER):
        region = next_region(pose.joints, pose.scores, width, height, rule)
        pose = estimator.predict(image, region.box)
    return pose


def squares(width: int, height: int) -> Iterator[Region]:
    """The whole photograph, and smaller squares that overlap by half or more.

    Example:
        >>> from fpd_tf.inference.search import squares
        >>> [region.side for region in squares(80, 40)]
        [80.0, 60.0, 60.0, 40.0, 40.0, 40.0]
    """
    for share in SIDES:
        side = share * max(width, height)
        for y, x in product(_centres(height, side), _centres(width, side)):
            yield Region(x, y, side)


def _centres(length, side):
    first, last = (side - 1) / 2, length - (side + 1) / 2
    if last <= first:
        return [(length - 1) / 2]
    count = int(np.ceil((last - first) / (side / 2))) + 1
    return np.linspace(first, last, count).tolist()
