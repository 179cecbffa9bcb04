"""Labels that disagree with a confident teacher: mirrored, shifted, missing, others.

N people, K joints. Distances are relative to the side of the box and clipped at 0.2.
The limits were chosen on the first 8,000 people of LSP-extended (docs/teachers.md).
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
        shifted: (N,) bool, people whose labels are all displaced in one direction.
        another: (N,) bool, people whose labels are all far away, perhaps on another
            person.
        elsewhere: (N, K) bool, single labels far from a confident joint, for people
            who are judged and neither shifted nor another.
        missing: (N, K) bool, confident joints without a label, for the same people.
        judged: (N,) bool, people with at least four confident labelled joints; nobody
            else is compared.
        amount: (N,) number of joints that disagree: 1 for each at 0.2 or more, or
            missing; less for nearer ones.
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
    """Compares labels with a teacher's joints, where it is confident (score >= 0.5).

    Labels are mirrored if swapping left and right, of all joints, of the arms or of
    the legs, removes more than half of the distance to the teacher's joints; at least
    two pairs must be labelled and confident. They are shifted if removing a common
    offset does the same, for six joints or more. They are another person's if of four
    joints or more at most a quarter are near. A joint is missing if it has no label,
    scores 0.6 or more, and the label of the opposite joint agrees with the teacher.

    Args:
        people: N, with labels.
        joints: (N, K, 2) pixels of the photographs, predicted by the teacher.
        scores: (N, K), 0 for joints that it does not predict.

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
