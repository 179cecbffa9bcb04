"""Joint sets (MPII 16, LSP 14, COCO 17) and the maps between them, by name.

K joints; coordinates are pixels (x, y).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType

import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.joint_names import plain_name

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
        sigmas: K standard deviations of OKS, in parts of the person's size; None where
            the set has none of its own.

    Raises:
        InputError: a name stands twice, an index is no joint's, a joint is in two flip
            pairs, or there is another number of sigmas.

    Example:
        >>> from fpd_tf import JointSet
        >>> feet = JointSet("feet", ("right", "left"), flip_pairs=((0, 1),))
        >>> feet.flip_order.tolist()
        [1, 0]
    """

    name: str
    joints: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...] = ()
    limbs: tuple[tuple[int, int], ...] = ()
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    sigmas: tuple[float, ...] | None = None

    def __post_init__(self):
        twice = {name for name in self.joints if self.joints.count(name) > 1}
        if twice or not self.joints:
            received = f"{sorted(twice)} twice" if twice else "none"
            raise InputError(self._source, "joints", "names, each once", received)
        self._check_indices("flip_pairs", self.flip_pairs)
        self._check_indices("limbs", self.limbs)
        self._check_indices("groups", self.groups.values())
        swapped = [joint for pair in self.flip_pairs for joint in pair]
        if len(set(swapped)) < len(swapped):
            expected = "each joint in one pair at most, such as (right, left) once"
            raise InputError(self._source, "flip_pairs", expected, self.flip_pairs)
        if self.sigmas is not None and len(self.sigmas) != self.num_joints:
            expected = f"{self.num_joints}, one for each joint"
            raise InputError(self._source, "sigmas", expected, len(self.sigmas))

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
        """The index of a joint.

        Raises:
            InputError: no joint has that name.
        """
        if joint not in self.joints:
            expected = f"one of {', '.join(self.joints)}"
            raise InputError(self._source, "joint", expected, joint)
        return self.joints.index(joint)

    def find(self, plain: str) -> int | None:
        """The index of a joint however its name is written, None where there is none.

        Args:
            plain: as this package writes it, such as left_shoulder.
        """
        names = [plain_name(name) for name in self.joints]
        return names.index(plain) if plain in names else None

    def as_dict(self) -> dict:
        """Plain values for JSON; `joint_set_from` reads them."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        return plain | {"groups": dict(self.groups)}

    @property
    def _source(self):
        return f"joint set {self.name}"

    def _check_indices(self, field, groups):
        for group in groups:
            for index in group:
                if not 0 <= index < self.num_joints:
                    expected = f"indices 0 to {self.num_joints - 1}"
                    raise InputError(self._source, field, expected, index)


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

COCO = JointSet(
    name="coco",
    joints=(
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    flip_pairs=((2, 1), (4, 3), (6, 5), (8, 7), (10, 9), (12, 11), (14, 13), (16, 15)),
    limbs=(
        (15, 13),
        (13, 11),
        (16, 14),
        (14, 12),
        (11, 12),
        (5, 11),
        (6, 12),
        (5, 6),
        (5, 7),
        (6, 8),
        (7, 9),
        (8, 10),
        (1, 2),
        (0, 1),
        (0, 2),
        (1, 3),
        (2, 4),
        (3, 5),
        (4, 6),
    ),
    groups=MappingProxyType(
        {
            "Head": (0, 1, 2, 3, 4),
            "Shoulder": (5, 6),
            "Elbow": (7, 8),
            "Wrist": (9, 10),
            "Hip": (11, 12),
            "Knee": (13, 14),
            "Ankle": (15, 16),
        }
    ),
    sigmas=(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072)
    + (0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)

JOINT_SETS = MappingProxyType({each.name: each for each in (MPII, LSP, COCO)})


def joint_set_from(described: object, source: str | Path) -> JointSet:
    """The joint set that `JointSet.as_dict` described; a known one where it is that.

    Args:
        described: what was read from JSON.
        source: the file, for messages.

    Raises:
        InputError: another form, or indices that are no joints'.
    """
    try:
        known = JOINT_SETS.get(described["name"])
        if known and list(known.joints) == list(described["joints"]):
            return known
        sigmas = described.get("sigmas")
        return JointSet(
            name=str(described["name"]),
            joints=tuple(map(str, described["joints"])),
            flip_pairs=tuple((int(a), int(b)) for a, b in described["flip_pairs"]),
            limbs=tuple((int(a), int(b)) for a, b in described["limbs"]),
            groups={
                str(name): tuple(map(int, joints))
                for name, joints in described["groups"].items()
            },
            sigmas=None if sigmas is None else tuple(map(float, sigmas)),
        )
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        expected = "a joint set: name, joints, flip_pairs, limbs and groups"
        raise InputError(source, "joint_set", expected, repr(error)) from error


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
    """Joints of one set as those of another, made by `joint_map`.

    Args:
        source: the set that joints come in.
        target: the set that they are wanted in.
        rows: for each joint of `target` the joints of `source` whose midpoint it is;
            one where both sets have it, none where it cannot be had.
    """

    source: JointSet
    target: JointSet
    rows: tuple[tuple[int, ...], ...]

    @property
    def known(self) -> np.ndarray:
        """(K,) bool, which joints of `target` can be had."""
        return np.array([bool(row) for row in self.rows])

    @property
    def own(self) -> np.ndarray:
        """(K,) bool, which joints of `target` the source has itself: no midpoints."""
        return np.array([len(row) == 1 for row in self.rows])

    def joints(self, joints: np.ndarray) -> np.ndarray:
        """(..., K of source, 2) as (..., K of target, 2), zero where not known."""
        joints = np.asarray(joints)
        mapped = np.zeros((*joints.shape[:-2], len(self.rows), 2), joints.dtype)
        for at, row in enumerate(self.rows):
            if row:
                mapped[..., at, :] = joints[..., list(row), :].mean(axis=-2)
        return mapped

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """(..., K of source) scores or flags as (..., K of target).

        A midpoint has the lower one of its ends; what is not known has 0.
        """
        weights = np.asarray(weights)
        mapped = np.zeros((*weights.shape[:-1], len(self.rows)), weights.dtype)
        for at, row in enumerate(self.rows):
            if row:
                mapped[..., at] = weights[..., list(row)].min(axis=-1)
        return mapped


def joint_map(source: JointSet, target: JointSet) -> JointMap:
    """Matches two joint sets by name, however they write left and right.

    A joint that `source` lacks is the midpoint of two that it has, as `MIDPOINTS`
    declares; LSP's neck is MPII's upper_neck.

    Raises:
        InputError: the sets have no joint in common.

    Example:
        >>> from fpd_tf.joints import COCO, LSP, joint_map
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
        >>> from fpd_tf.joints import COCO, LSP, joint_union
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
        >>> from fpd_tf.joints import lsp_to_mpii
        >>> joints, annotated = lsp_to_mpii(np.ones((14, 2)), np.ones(14, bool))
        >>> joints.shape, annotated.all()
        ((16, 2), np.True_)
    """
    found = joint_map(LSP, MPII)
    return found.joints(joints), found.weights(annotated)
