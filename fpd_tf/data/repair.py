"""Label repair by a teacher: swapping mirrored labels, filling in missing ones.

The teacher as "data denoiser" is the first claim of Zhang et al., "Fast Human Pose
Estimation" (CVPR 2019), section 3. N people, K joints.
"""

from dataclasses import dataclass, replace

import numpy as np

from fpd_tf.data.disagreement import disagreement, on_other_side
from fpd_tf.data.people import People
from fpd_tf.settings import validated


@validated
class LabelConfig:
    """Changes of the labels before training.

    Args:
        repair: swap mirrored labels and fill in missing ones by a teacher that
            predicts joints, where it is confident.
    """

    repair: bool = False


@dataclass(frozen=True, eq=False)
class Repaired:
    """What `repaired` did.

    Args:
        people: N, with the labels as they are now; boxes as they were.
        mirrored: (N, K) bool, labels that changed sides.
        filled: (N, K) bool, labels that are the teacher's.
    """

    people: People
    mirrored: np.ndarray
    filled: np.ndarray

    @property
    def counts(self) -> dict[str, int]:
        """People with mirrored labels, joints filled in, and people who have some."""
        return {
            "mirrored_people": int(self.mirrored.any(axis=1).sum()),
            "filled_joints": int(self.filled.sum()),
            "filled_people": int(self.filled.any(axis=1).sum()),
        }


def repaired(people: People, joints: np.ndarray, scores: np.ndarray) -> Repaired:
    """Undoes mirrored labels and fills in missing ones, as `disagreement` finds them.

    A label that is filled in counts as any other. Labels that are shifted or far away
    are not changed.

    Args:
        people: N, with labels.
        joints: (N, K, 2) pixels of the photographs, predicted by a teacher.
        scores: (N, K), 0 for joints that it does not predict.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.repair import repaired
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> swapped = people.joints[:, fpd.MPII.flip_order]
        >>> repaired(people, swapped, np.ones((2, 16))).counts["mirrored_people"]
        2
    """
    found = disagreement(people, joints, scores)
    visible = np.array([person.visible for person in people]).reshape(scores.shape)
    labels, annotated, visible = (
        on_other_side(each, found.mirrored, people.joint_set.flip_order)
        for each in (people.joints, people.annotated, visible)
    )
    labels = np.where(found.missing[..., None], joints, labels)
    rows = zip(people, labels, annotated | found.missing, visible, strict=True)
    kept = people.of(
        replace(person, joints=joints, annotated=known, visible=seen)
        for person, joints, known, seen in rows
    )
    return Repaired(kept, found.mirrored, found.missing)
