"""Labels that disagree with a confident teacher, in sentences, the worst first.

N people, K joints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fpd_tf.data.disagreement import disagreement
from fpd_tf.data.people import People
from fpd_tf.joint_names import part_of

KINDS = ("mirrored", "shifted", "wrong person", "elsewhere", "missing")


@dataclass(frozen=True)
class LabelFacts:
    """What `label_facts` found.

    Args:
        people: N.
        judged: people with at least four labelled joints of which it is confident.
        kinds: kind of disagreement -> how many people have it.
        disputed: number of the person -> what disagrees, at least one sentence; the
            person with most such joints first.
    """

    people: int
    judged: int
    kinds: Mapping[str, int]
    disputed: Mapping[int, Sequence[str]]

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def label_facts(people: People, joints: np.ndarray, scores: np.ndarray) -> LabelFacts:
    """People whose labels disagree with a teacher, and how.

    Args:
        people: N, with labels.
        joints: (N, K, 2) pixels of the photographs, predicted by the teacher.
        scores: (N, K), 0 for joints that it does not predict.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.look_teacher import label_facts
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> seen = people.joints[:, fpd.MPII.flip_order]
        >>> label_facts(people, seen, np.ones((2, 16))).kinds["mirrored"]
        2
    """
    found = disagreement(people, joints, scores)
    names = people.joint_set.joints
    pairs = people.joint_set.flip_order != np.arange(len(names))
    who = {
        "mirrored": found.mirrored.any(axis=1),
        "shifted": found.shifted,
        "wrong person": found.another,
        "elsewhere": found.elsewhere.any(axis=1),
        "missing": found.missing.any(axis=1),
    }
    disputed = np.any([*who.values()], axis=0)
    order = np.argsort(-found.amount, kind="stable")

    def sentences(at):
        mirrored = found.mirrored[at]
        parts = dict.fromkeys(part_of(names[joint]) for joint in _where(mirrored))
        whole = (mirrored == pairs).all()
        said = {
            "mirrored": "left and right are mirrored"
            + ("" if whole else f": {', '.join(parts)}"),
            "shifted": "all labels are shifted",
            "wrong person": "all labels are far away: another person?",
            "elsewhere": "far away: " + _named(names, found.elsewhere[at]),
            "missing": "no label, but predicted with confidence: "
            + _named(names, found.missing[at]),
        }
        return [said[kind] for kind in KINDS if who[kind][at]]

    return LabelFacts(
        people=len(people),
        judged=int(found.judged.sum()),
        kinds={kind: int(who[kind].sum()) for kind in KINDS},
        disputed={int(at): sentences(at) for at in order if disputed[at]},
    )


def _where(flags):
    return np.flatnonzero(flags).tolist()


def _named(names, flags):
    return ", ".join(names[joint] for joint in _where(flags))
