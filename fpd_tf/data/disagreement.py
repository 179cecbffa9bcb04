"""Labels held against a confident teacher: mirrored, shifted, missing, another person.

N people, K joints. Lengths are parts of the box's side, and a distance counts for 0.2
at most: beyond that a label is elsewhere, no matter how far. The limits were chosen by
looking at LSP-extended's first 8,000 people (docs/teachers.md).
"""

from dataclasses import dataclass

import numpy as np

from fpd_tf.data.people import People
from fpd_tf.joint_names import part_of
from fpd_tf.joints import JointSet

SURE, CLEAR = 0.5, 0.6
FAR = 0.2
SEVERAL, MANY = 4, 6
GAIN, PART = 0.03, 0.01
LIMBS = (
    ("shoulder", "elbow", "wrist", "hand"),
    ("hip", "knee", "ankle", "heel", "foot", "toe"),
)


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Where labels and a teacher disagree.

    Args:
        mirrored: (N, K) bool, labels that belong to the other side.
        shifted: (N,) bool, whose labels all lie to one side of the joints.
        another: (N,) bool, whose labels are all elsewhere: on another person?
        elsewhere: (N, K) bool, single labels far from a joint that is surely seen, of
            who is judged and neither shifted nor another.
        missing: (N, K) bool, joints that are clearly seen and have no label, of the
            same people.
        judged: (N,) bool, of whom four labelled joints or more are surely seen.
        amount: (N,) how many joints disagree: one at 0.2 or more, or missing, is one,
            nearer ones count in part.
    """

    mirrored: np.ndarray
    shifted: np.ndarray
    another: np.ndarray
    elsewhere: np.ndarray
    missing: np.ndarray
    judged: np.ndarray
    amount: np.ndarray


def disagreement(
    people: People, joints: np.ndarray, scores: np.ndarray
) -> Disagreement:
    """Holds labels against what a teacher saw, where it is sure (scores 0.5 or more).

    Sides are mirrored where swapping left and right, of all joints or of arms or legs
    alone, takes away more than half of the distance between labels and teacher; at
    least two pairs must be labelled and surely seen. A shift of all labels is judged
    likewise, over six joints or more; labels are another person's where of four joints
    or more at most a quarter are near. A joint is missing where it has no label, scores
    0.6 or more, and the label of its other side is where the teacher sees that.

    Args:
        people: N, with labels.
        joints: (N, K, 2) pixels of the photographs, where the teacher saw them.
        scores: (N, K), 0 where it does not know a joint.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.disagreement import disagreement
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> seen = people.joints[:, fpd.MPII.flip_order]
        >>> found = disagreement(people, seen, np.ones((2, 16)))
        >>> found.mirrored.any(axis=1)
        array([ True,  True])
    """
    order = people.joint_set.flip_order
    seen = scores >= SURE
    mirrored = _mirrored(people, joints, seen)
    labels = on_other_side(people.joints, mirrored, order)
    labelled = on_other_side(people.annotated, mirrored, order)
    sure = labelled & seen
    apart = _distances(people, labels, joints)
    offset = _median(labels - joints, sure)
    unshifted = _distances(people, labels - offset[:, None], joints)
    count = sure.sum(axis=1)
    judged = count >= SEVERAL
    shifted = _explained(_mean(apart, sure), _mean(unshifted, sure)) & (count >= MANY)
    near = (sure & (apart < FAR / 2)).sum(axis=1)
    another = judged & ~shifted & (near <= count / 4)
    alike = (judged & ~(shifted | another))[:, None]
    elsewhere = alike & sure & (apart >= FAR)
    twin_elsewhere = (labelled & (apart >= FAR / 2))[:, order]
    missing = alike & ~labelled & (scores >= CLEAR) & ~twin_elsewhere
    before = _distances(people, people.joints, joints) / FAR
    amount = np.where(missing, 1, before * (people.annotated & seen)).sum(axis=1)
    return Disagreement(mirrored, shifted, another, elsewhere, missing, judged, amount)


def on_other_side(
    values: np.ndarray, mirrored: np.ndarray, flip_order: np.ndarray
) -> np.ndarray:
    """Values with left and right swapped where labels are mirrored.

    Args:
        values: (N, K) or (N, K, 2).
        mirrored: (N, K) bool.
        flip_order: (K,), of the joint set.
    """
    flags = mirrored.reshape(*mirrored.shape, *(1,) * (values.ndim - 2))
    return np.where(flags, values[:, flip_order], values)


def _mirrored(people, joints, seen):
    """(N, K) bool: the sides to swap, of all pairs, of arms or legs, or of none.

    A joint without a label is as far away as can be, under either choice.
    """
    order = people.joint_set.flip_order
    pairs = order != np.arange(len(order))
    labelled = people.annotated
    sure = seen & pairs & (labelled | labelled[:, order])
    both = sure & labelled
    both &= both[:, order]
    before, after = (
        np.where(known, _distances(people, labels, joints), FAR)
        for labels, known in (
            (people.joints, labelled),
            (people.joints[:, order], labelled[:, order]),
        )
    )
    choices = np.array([pairs, *_limbs(people.joint_set, pairs)])
    left = np.stack(
        [
            _mean(np.where(choice, after, before), sure) + PART * bool(at)
            for at, choice in enumerate(choices)
        ]
    )
    chosen = choices[left.argmin(axis=0)]
    wins = _explained(_mean(before, sure), left.min(axis=0))
    wins &= (both & chosen).sum(axis=1) >= SEVERAL
    return chosen & wins[:, None]


def _limbs(joint_set: JointSet, pairs):
    """Arms and legs of a body that has both."""
    parts = [part_of(name) for name in joint_set.joints]
    found = [
        pairs & np.array([part.startswith(names) for part in parts]) for names in LIMBS
    ]
    return found if all(each.any() for each in found) else []


def _distances(people, labels, joints):
    sides = people.squares[:, 2:]
    return np.minimum(np.linalg.norm(labels - joints, axis=2) / sides, FAR)


def _explained(before, after):
    return (after < before / 2) & (before - after > GAIN)


def _mean(values, which):
    return (values * which).sum(axis=1) / np.maximum(which.sum(axis=1), 1)


def _median(values, which):
    masked = np.ma.array(values, mask=np.broadcast_to(~which[..., None], values.shape))
    return np.ma.median(masked, axis=1).filled(0)
