"""Mapping joints between joint sets, matched by name.

K joints; coordinates are pixels (x, y).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.joint_names import plain_name
from fpd_tf.joints import LSP, MPII, JointSet

SAME = MappingProxyType({"neck": "upper_neck", "upper_neck": "neck"})
MIDPOINTS = MappingProxyType(
    {
        "pelvis": ("right_hip", "left_hip"),
        "thorax": ("right_shoulder", "left_shoulder"),
        "neck": ("right_shoulder", "left_shoulder"),
        "upper_neck": ("right_shoulder", "left_shoulder"),
    }
)


@dataclass(frozen=True, eq=False)
class JointMap:
    """Mapping from one joint set to another, made by `joint_map`.

    Args:
        source: the set of the given joints.
        target: the set of the result.
        rows: for each joint of `target` the joints of `source` whose midpoint it is;
            one if both sets have it, none if it is missing.
    """

    source: JointSet
    target: JointSet
    rows: tuple[tuple[int, ...], ...]

    @property
    def known(self) -> np.ndarray:
        """(K,) bool, joints of `target` that can be computed."""
        return np.array([bool(row) for row in self.rows])

    @property
    def own(self) -> np.ndarray:
        """(K,) bool, joints of `target` that the source has itself (no midpoints)."""
        return np.array([len(row) == 1 for row in self.rows])

    def joints(self, joints: np.ndarray) -> np.ndarray:
        """(..., K of source, 2) as (..., K of target, 2), zero if missing."""
        joints = np.asarray(joints)
        mapped = np.zeros((*joints.shape[:-2], len(self.rows), 2), joints.dtype)
        for at, row in enumerate(self.rows):
            if row:
                mapped[..., at, :] = joints[..., list(row), :].mean(axis=-2)
        return mapped

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """(..., K of source) scores or flags as (..., K of target).

        A midpoint has the lower one of its two joints; missing joints have 0.
        """
        weights = np.asarray(weights)
        mapped = np.zeros((*weights.shape[:-1], len(self.rows)), weights.dtype)
        for at, row in enumerate(self.rows):
            if row:
                mapped[..., at] = weights[..., list(row)].min(axis=-1)
        return mapped


def joint_map(source: JointSet, target: JointSet) -> JointMap:
    """Matches two joint sets by name, in any notation of left and right.

    A joint that `source` lacks is the midpoint of two that it has, as `MIDPOINTS`
    declares; LSP's neck is MPII's upper_neck.

    Raises:
        InputError: the sets have no joint in common.

    Example:
        >>> from fpd_tf.joint_maps import joint_map
        >>> from fpd_tf.joints import COCO, LSP
        >>> found = joint_map(COCO, LSP)
        >>> [LSP.joints[at] for at in range(14) if not found.known[at]]
        ['head_top']
    """
    at = {plain_name(name): index for index, name in enumerate(source.joints)}

    def row(name):
        name = plain_name(name)
        if name in at:
            return (at[name],)
        if SAME.get(name) in at:
            return (at[SAME[name]],)
        ends = MIDPOINTS.get(name, ())
        return tuple(at[end] for end in ends) if at.keys() >= set(ends) else ()

    found = JointMap(source, target, tuple(row(name) for name in target.joints))
    if not found.known.any():
        expected = f"a joint of {target.name} ({', '.join(target.joints)})"
        received = ", ".join(source.joints)
        raise InputError(f"joint set {source.name}", "joints", expected, received)
    return found


def joint_union(joint_sets: Sequence[JointSet]) -> JointSet:
    """The joints of several sets, each once, matched by name.

    Args:
        joint_sets: the first one comes first, with its limbs and groups.

    Example:
        >>> from fpd_tf.joint_maps import joint_union
        >>> from fpd_tf.joints import COCO, LSP
        >>> joint_union([COCO, LSP]).joints[-2:], joint_union([COCO, COCO]) is COCO
        (('neck', 'head_top'), True)
    """
    first, names = joint_sets[0], list(joint_sets[0].joints)
    for each in joint_sets[1:]:
        known = {plain_name(name) for name in names}
        names += [name for name in each.joints if plain_name(name) not in known]
    if len(names) == first.num_joints:
        return first
    at = {plain_name(name): index for index, name in enumerate(names)}
    pairs = {
        tuple(at[plain_name(each.joints[joint])] for joint in pair)
        for each in joint_sets
        for pair in each.flip_pairs
    }
    return JointSet(
        name="+".join(dict.fromkeys(each.name for each in joint_sets)),
        joints=tuple(names),
        flip_pairs=tuple(sorted(pairs)),
        limbs=first.limbs,
        groups=first.groups,
    )


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
        >>> from fpd_tf.joint_maps import lsp_to_mpii
        >>> joints, annotated = lsp_to_mpii(np.ones((14, 2)), np.ones(14, bool))
        >>> joints.shape, annotated.all()
        ((16, 2), np.True_)
    """
    found = joint_map(LSP, MPII)
    return found.joints(joints), found.weights(annotated)
