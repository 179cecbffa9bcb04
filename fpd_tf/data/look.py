"""Statistics of annotated people, and suspicious labels.

N people, K joints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fpd_tf.data.images import upright_size
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError

SMALL = 48.0
FEW = 3
LOOSE = 4.0
OUTSIDE = 2.0
CORNER = 0.5


@dataclass(frozen=True)
class JointFacts:
    """One joint over all people: how many have it labelled, and occluded."""

    name: str
    annotated: int
    hidden: int


@dataclass(frozen=True)
class Facts:
    """What `facts_of` found.

    Args:
        people: N.
        photographs: that they are on.
        joints: each of the K.
        sides: 0, 5, 50, 95 and 100 % of the boxes' sides, pixels.
        left_usual: people whose left joints lie right of their right ones in the
            picture, as when somebody faces the camera.
        left_unusual: people for whom it is the reverse.
        odd: number of the person -> what is suspicious, at least one sentence.
    """

    people: int
    photographs: int
    joints: tuple[JointFacts, ...]
    sides: tuple[float, ...]
    left_usual: int
    left_unusual: int
    odd: Mapping[int, Sequence[str]]

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def facts_of(people: People) -> Facts:
    """Counts, sizes, left and right, and suspicious labels.

    Args:
        people: at least one.

    Raises:
        InputError: a photograph is missing or broken.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.look import facts_of
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="train")
        >>> facts = facts_of(people)
        >>> facts.people, facts.joints[0].name
        (10, 'right_ankle')
    """
    if not people:
        raise InputError.plain(people.source, "", "has no people to look at")
    sizes = {path: upright_size(path) for path in _photographs(people)}
    annotated = people.annotated
    hidden = annotated & ~np.array([person.visible for person in people])
    across = [_left_minus_right(person, people.joint_set) for person in people]
    names = people.joint_set.joints
    odd = {
        number: reasons
        for number, person in enumerate(people)
        if (reasons := odd_about(person, names, sizes.get(person.image_path)))
    }
    for number, reason in (*_crossed(across), *_again(people)):
        odd.setdefault(number, []).append(reason)
    means = [float(np.mean(np.sign(each))) for each in across if len(each)]
    boxes = [box.side for box in people.boxes]
    counts = annotated.sum(axis=0).tolist(), hidden.sum(axis=0).tolist()
    return Facts(
        people=len(people),
        photographs=len({person.photograph for person in people}),
        joints=tuple(map(JointFacts, names, *counts)),
        sides=tuple(np.percentile(boxes, (0, 5, 50, 95, 100)).tolist()),
        left_usual=sum(mean > 0 for mean in means),
        left_unusual=sum(mean < 0 for mean in means),
        odd=dict(sorted(odd.items())),
    )


def odd_about(
    person: Sample, names: Sequence[str], size: tuple[int, int] | None
) -> list[str]:
    """Sentences about suspicious labels of one person; empty if there are none.

    Args:
        person: annotated.
        names: of the K joints.
        size: width and height of the upright photograph, None where not known.
    """
    known = np.flatnonzero(person.annotated)
    joints, box = person.joints[known], person.box
    found = []
    if len(known) < min(FEW, len(names)):
        found.append(f"{len(known)} of {len(names)} joints have a label")
    if box.side < SMALL:
        found.append(f"the box is {box.side:.0f} px wide")
    corner = [names[at] for at in known if (abs(person.joints[at]) < CORNER).all()]
    if corner:
        found.append(f"in the corner of the photograph: {', '.join(corner)}")
    if size:
        out = (joints < -OUTSIDE) | (joints > np.array(size) - 1 + OUTSIDE)
        _name(found, "outside of the photograph", names, known[out.any(axis=1)])
        if box.side > LOOSE * max(size):
            found.append(f"the box is {box.side / max(size):.1f} photographs wide")
    beyond = np.abs(joints - (box.x, box.y)) > box.side / 2
    _name(found, "outside of the box", names, known[beyond.any(axis=1)])
    _, first, count = np.unique(joints, axis=0, return_index=True, return_counts=True)
    _name(found, "at the place of another joint", names, known[first[count > 1]])
    extent = np.ptp(joints, axis=0).max() if len(joints) else 0
    if 2 * len(known) > len(names) > 1 and box.side > LOOSE * extent:
        found.append("the box is much larger than the joints")
    return found


def _name(found, where, names, which):
    if len(which):
        found.append(f"{where}: {', '.join(names[at] for at in which)}")


def _left_minus_right(person, joint_set):
    """Pixels by which left joints lie right of right ones, pairs of which both show."""
    pairs = [
        (person.joints[left, 0] - person.joints[right, 0])
        for right, left in joint_set.flip_pairs
        if person.annotated[[right, left]].all()
    ]
    return np.array(pairs)


def _crossed(across):
    """Whether clear pairs point both ways: left and right may be mixed up."""
    for number, pairs in enumerate(across):
        if len(pairs) >= 2:
            widest = np.abs(pairs).max()
            clear = np.sign(pairs[np.abs(pairs) > widest / 2])
            if abs(clear.sum()) < len(clear) / 2 and len(clear) >= 2:
                yield number, "left and right may be swapped for some joints"


def _again(people):
    """People who are on their photograph twice."""
    first = {}
    for number, person in enumerate(people):
        labels = person.joints[person.annotated].tobytes()
        key = person.photograph, labels, person.annotated.tobytes()
        before = first.setdefault(key, number)
        if before != number and labels:
            yield number, f"the same labels as person {before}"


def _photographs(people):
    return {person.image_path for person in people if not person.packed}
