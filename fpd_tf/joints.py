"""Joint sets: names and relations of joints (MPII 16, LSP 14, COCO 17).

K joints; coordinates are pixels (x, y).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.joint_names import plain_name


@dataclass(frozen=True, eq=False)
class JointSet:
    """Names and relations of K joints.

    Args:
        name: of the set in files and commands.
        joints: K joint names, in the order of the heatmap channels.
        flip_pairs: (right, left) indices that swap when the image is mirrored.
        limbs: (from, to) indices joined by a line in drawings.
        groups: score group -> the joints averaged in it; joints in no group are
            not scored (MPII leaves out pelvis and thorax). Without groups all are.
        sigmas: K standard deviations of OKS, relative to the person's size; None if the
            set has none.

    Raises:
        InputError: a name occurs twice, an index is out of range, a joint is in two
            flip pairs, or the sigmas are not K numbers above 0.

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
        names = self.joints
        if isinstance(names, str) or not all(isinstance(each, str) for each in names):
            raise InputError(self._source, "joints", "a tuple of names", names)
        object.__setattr__(self, "joints", tuple(names))
        for relation in ("flip_pairs", "limbs"):
            object.__setattr__(self, relation, self._pairs(relation))
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
        if self.sigmas is not None:
            self._check_sigmas()

    @property
    def num_joints(self) -> int:
        """K."""
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
        if not self.groups:
            return tuple(range(self.num_joints))
        return tuple(sorted(joint for group in self.groups.values() for joint in group))

    @property
    def is_numbered(self) -> bool:
        """Whether the joints have no names but those of `numbered_joints`."""
        return self.joints == numbered_joints(self.num_joints).joints

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
        """The index of a joint in any notation, None if there is none.

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

    def _pairs(self, field):
        pairs = tuple(tuple(map(int, pair)) for pair in getattr(self, field))
        for pair in pairs:
            if len(pair) != 2:
                raise InputError(self._source, field, "pairs of two joints", pair)
        return pairs

    def _check_sigmas(self):
        if len(self.sigmas) != self.num_joints:
            expected = f"{self.num_joints}, one for each joint"
            raise InputError(self._source, "sigmas", expected, len(self.sigmas))
        for sigma in self.sigmas:
            if not 0 < sigma < np.inf:
                raise InputError(self._source, "sigmas", "numbers above 0", sigma)

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


def numbered_joints(num_joints: int) -> JointSet:
    """K joints without names: `joint_0` and so on, without limbs.

    Example:
        >>> from fpd_tf.joints import numbered_joints
        >>> numbered_joints(2).joints
        ('joint_0', 'joint_1')
    """
    names = tuple(f"joint_{index}" for index in range(num_joints))
    return JointSet("joints", names)


def joint_set_from(described: object, source: str | Path) -> JointSet:
    """The joint set that `JointSet.as_dict` described; a known one where it is that.

    Args:
        described: what was read from JSON.
        source: the file, for messages.

    Raises:
        InputError: another form, or indices out of range.
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


def __getattr__(name: str):
    """The maps, which stood here before they had a file of their own."""
    if name in ("JointMap", "joint_map", "joint_union", "lsp_to_mpii"):
        return getattr(import_module("fpd_tf.joint_maps"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
