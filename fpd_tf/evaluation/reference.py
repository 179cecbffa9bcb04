"""The reference length of PCK for each person."""

import numpy as np

from fpd_tf.data.people import PCK_OF, People
from fpd_tf.evaluation.metrics import TORSO, lengths_between


def reference_lengths(people: People) -> tuple[str, np.ndarray]:
    """The name of PCK@0.2 for these people, and the reference length of each.

    Args:
        people: their metric is "pck", the torso where the joints have one and else the
            side of the box, or "pck@box" or "pck@JOINT,JOINT".

    Returns:
        The name, and (N,) pixels, NaN for people without both joints.

    Example:
        >>> import numpy as np
        >>> from fpd_tf import Box, JointSet, People, Sample
        >>> from fpd_tf.evaluation.reference import reference_lengths
        >>> joints, known = np.array([[9.0, 9.0], [9.0, 59.0]]), np.ones(2, bool)
        >>> paws = [Sample("a.jpg", joints, known, known, Box(9, 34, 80))]
        >>> paw = JointSet("paw", ("heel", "toe"))
        >>> for metric in ("pck", "pck@heel,toe"):
        ...     reference_lengths(People(paws, paw, metric))
        ('PCK@0.2 of the box', array([80.]))
        ('PCK@0.2 of heel to toe', array([50.]))
    """
    of, ground_truth = people.joint_set, (people.joints, people.annotated)
    torso = tuple(of.find(joint) for joint in TORSO)
    chosen = people.metric.removeprefix(PCK_OF)
    if chosen == "pck" and None not in torso:
        return "PCK@0.2", lengths_between(*ground_truth, *torso)
    if chosen in ("pck", "box"):
        return "PCK@0.2 of the box", np.array([box.side for box in people.boxes])
    one, other = chosen.split(",")
    name = f"PCK@0.2 of {one} to {other}"
    return name, lengths_between(*ground_truth, of.index(one), of.index(other))
