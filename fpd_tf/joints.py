"""Joint sets (MPII 16, LSP 14) and the map between them.

K joints; coordinates are 0-based pixels (x, y) of the photograph.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fpd_tf.errors import InputError

GROUPS = ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")


@dataclass(frozen=True, eq=False)
class JointSet:
    """Names and relations of K joints.

    Args:
        name: how files and commands call the set.
        joints: K joint names, in the order of the heatmap channels.
        flip_pairs: (right, left) indices that swap when the image is mirrored.
        limbs: (from, to) indices joined by a line in drawings.
        groups: score group -> the joints averaged in it; joints in no group are
            not scored (MPII leaves out pelvis and thorax).
    """

    name: str
    joints: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...]
    limbs: tuple[tuple[int, int], ...]
    groups: Mapping[str, tuple[int, ...]]

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def flip_order(self) -> np.ndarray:
        """(K,) int32 indices: `joints[flip_order]` swaps left and right."""
        order = np.arange(self.num_joints, dtype=np.int32)
        for right, left in self.flip_pairs:
            order[right], order[left] = left, right
        return order

    @property
    def scored(self) -> tuple[int, ...]:
        """Indices of the joints that count in scores, ascending."""
        return tuple(sorted(joint for group in self.groups.values() for joint in group))

    def index(self, joint: str) -> int:
        return self.joints.index(joint)


MPII = JointSet(
    name="mpii",
    joints=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    flip_pairs=((0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)),
    limbs=(
        (0, 1),
        (1, 2),
        (2, 6),
        (5, 4),
        (4, 3),
        (3, 6),
        (6, 7),
        (7, 8),
        (8, 9),
        (10, 11),
        (11, 12),
        (12, 7),
        (15, 14),
        (14, 13),
        (13, 7),
    ),
    groups=MappingProxyType(
        {
            "Head": (8, 9),
            "Shoulder": (12, 13),
            "Elbow": (11, 14),
            "Wrist": (10, 15),
            "Hip": (2, 3),
            "Knee": (1, 4),
            "Ankle": (0, 5),
        }
    ),
)

LSP = JointSet(
    name="lsp",
    joints=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "neck",
        "head_top",
    ),
    flip_pairs=((0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)),
    limbs=(
        (0, 1),
        (1, 2),
        (5, 4),
        (4, 3),
        (2, 3),
        (2, 8),
        (3, 9),
        (6, 7),
        (7, 8),
        (8, 12),
        (11, 10),
        (10, 9),
        (9, 12),
        (12, 13),
    ),
    groups=MappingProxyType(
        {
            "Head": (12, 13),
            "Shoulder": (8, 9),
            "Elbow": (7, 10),
            "Wrist": (6, 11),
            "Hip": (2, 3),
            "Knee": (1, 4),
            "Ankle": (0, 5),
        }
    ),
)

JOINT_SETS = MappingProxyType({joint_set.name: joint_set for joint_set in (MPII, LSP)})


def joint_set_of(num_joints: int) -> JointSet:
    """The known joint set with that many joints.

    Raises:
        InputError: none has that many; hand in a JointSet of your own.
    """
    for joint_set in JOINT_SETS.values():
        if joint_set.num_joints == num_joints:
            return joint_set
    known = " or ".join(str(known.num_joints) for known in JOINT_SETS.values())
    raise InputError("joints", "", f"{known}, or a `joint_set` of your own", num_joints)


_LSP_OF_MPII = (0, 1, 2, 3, 4, 5, -1, -1, 12, 13, 6, 7, 8, 9, 10, 11)


def lsp_to_mpii(
    joints: np.ndarray, annotated: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """LSP joints as MPII joints; pelvis and thorax are midpoints of hips and shoulders.

    Args:
        joints: (..., 14, 2) pixels.
        annotated: (..., 14) bool.

    Returns:
        (..., 16, 2) pixels and (..., 16) bool; a midpoint is annotated only where
        both of its ends are.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.joints import lsp_to_mpii
        >>> joints, annotated = lsp_to_mpii(np.ones((14, 2)), np.ones(14, bool))
        >>> joints.shape, annotated.all()
        ((16, 2), np.True_)
    """
    order = list(_LSP_OF_MPII)
    mapped, known = joints[..., order, :], annotated[..., order]
    for target, (right, left) in (("pelvis", (2, 3)), ("thorax", (8, 9))):
        at = MPII.index(target)
        mapped[..., at, :] = (joints[..., right, :] + joints[..., left, :]) / 2
        known[..., at] = annotated[..., right] & annotated[..., left]
    return mapped, known
