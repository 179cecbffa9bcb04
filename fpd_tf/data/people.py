"""People: annotated persons with their joint set, metric and source.

N people, K joints; coordinates are 0-based pixels (x, y) of the photograph.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path

import numpy as np

from fpd_tf.data.photograph import Photograph
from fpd_tf.data.shard import PackedPart
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import JointSet

METRICS = ("pckh", "pck", "oks")
PCK_OF = "pck@"
_NEEDED = {"pckh": "head_size", "oks": "area"}


@dataclass(frozen=True, eq=False)
class Sample:
    """One annotated person.

    Args:
        image_path: the photograph.
        joints: (K, 2) pixels (x, y), 0-based; any value where not annotated.
        annotated: (K,) bool, whether the joint has a label.
        visible: (K,) bool, False where the joint is marked as occluded.
        box: the square that a crop shows.
        head_size: 0.6 x diagonal of the head box in pixels, None where unknown.
        area: pixels that the person covers (used by OKS), None where unknown.
        packed: byte, y, x, height and width of the part of the photograph that lies in
            the shard `image_path` (`data.packed`), None for a photograph.
        cut_from: the photograph that a packed person was cut out of.
        image_size: width and height of the upright photograph as its labels say it,
            None where they do not; who reads the photograph compares.

    Raises:
        InputError: another shape or kind of values, an annotated joint that is not
            finite, or a head size or area not above 0.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from fpd_tf import Box, Sample
        >>> known = np.ones(14, bool)
        >>> joints = np.full((14, 2), 50.0)
        >>> Sample(Path("a.jpg"), joints, known, known, Box(50, 50, 80)).box.side
        80.0
    """

    image_path: Path
    joints: np.ndarray
    annotated: np.ndarray
    visible: np.ndarray
    box: Box
    head_size: float | None = None
    area: float | None = None
    packed: tuple[int, int, int, int, int] | None = None
    cut_from: Path | None = None
    image_size: tuple[int, int] | None = None

    def __post_init__(self):
        if not isinstance(self.image_path, str | Path):
            received = type(self.image_path).__name__
            raise self._refused("image_path", "the path of a photograph", received)
        joints = np.asarray(self.joints)
        if joints.dtype.kind not in "fiu" or joints.ndim != 2 or joints.shape[1] != 2:
            received = f"{joints.dtype} {joints.shape}"
            raise self._refused("joints", "pixels (x, y) of shape (K, 2)", received)
        kept = {"image_path": Path(self.image_path)}
        kept["joints"] = joints.astype(np.float32, copy=False)
        for flags in ("annotated", "visible"):
            kept[flags] = found = np.asarray(getattr(self, flags))
            if found.dtype != bool or found.shape != joints.shape[:1]:
                received = f"{found.dtype} {found.shape}"
                raise self._refused(flags, f"bool of shape ({len(joints)},)", received)
        broken = kept["annotated"] & ~np.isfinite(joints).all(axis=1)
        if broken.any():
            where = f"joint {np.flatnonzero(broken)[0]}"
            raise self._refused(where, "finite pixels", joints[broken][0].tolist())
        if not isinstance(self.box, Box):
            raise self._refused("box", "a Box", type(self.box).__name__)
        for name in ("head_size", "area"):
            value = getattr(self, name)
            number = isinstance(value, Real) and 0 < value < np.inf
            if not (value is None or number):
                raise self._refused(name, "pixels above 0, or None", value)
        for name, value in kept.items():
            object.__setattr__(self, name, value)

    @property
    def photograph(self) -> Path:
        """The photograph, which several people may share."""
        return self.cut_from or self.image_path

    @property
    def image(self) -> Photograph | PackedPart:
        """Where crops of the person are taken from."""
        if self.packed:
            return PackedPart(self.image_path, *self.packed)
        return Photograph(self.image_path, self.image_size)

    def _refused(self, field, expected, received):
        return InputError(f"person on {self.image_path}", field, expected, received)


@dataclass(frozen=True, eq=False)
class People(Sequence):
    """N people of one joint set.

    Args:
        samples: the people.
        joint_set: names and relations of their joints.
        metric: how predictions are scored: "pckh" (PCKh@0.5, needs every head
            size), "oks" (OKS AP, needs every area) or "pck" (PCK@0.2, of the torso
            where the set has shoulders and hips, else of the box's side); "pck@box" and
            "pck@JOINT,JOINT" choose the length.
        source: where they come from, for contracts and messages.

    Raises:
        InputError: a person of another number of joints, an unknown metric, or a head
            size or an area is missing that it needs.

    Example:
        >>> import fpd_tf as fpd
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="train")
        >>> people.joint_set.name, people.metric, len(people), len(people[:4])
        ('mpii', 'pckh', 10, 4)
    """

    samples: Sequence[Sample]
    joint_set: JointSet
    metric: str = "pck"
    source: str = "own people"
    _stacked: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.joint_set, JointSet):
            received = type(self.joint_set).__name__
            raise InputError(self.source, "joint_set", "a JointSet", received)
        object.__setattr__(self, "samples", _all_samples(self.samples, self.source))
        self._check_metric()
        for number, sample in enumerate(self.samples):
            self._check(number, sample)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, which):
        """One Sample, or People for a slice."""
        if isinstance(which, slice):
            return self.of(self.samples[which])
        return self.samples[which]

    def of(self, samples: Iterable[Sample]) -> "People":
        """Other samples with the same joint set, metric and source."""
        return People(tuple(samples), self.joint_set, self.metric, self.source)

    def without_labels(self) -> "People":
        """The same people and boxes, no joint annotated."""
        none = np.zeros(self.joint_set.num_joints, bool)
        return self.of(replace(each, annotated=none, visible=none) for each in self)

    @property
    def joints(self) -> np.ndarray:
        """(N, K, 2) float32 pixels."""
        return self._column("joints", (self.joint_set.num_joints, 2), np.float32)

    @property
    def annotated(self) -> np.ndarray:
        """(N, K) bool."""
        return self._column("annotated", (self.joint_set.num_joints,), bool)

    @property
    def boxes(self) -> list[Box]:
        """N boxes."""
        return [sample.box for sample in self.samples]

    @property
    def squares(self) -> np.ndarray:
        """(N, 3) float64, the boxes' x, y and side."""
        if "squares" not in self._stacked:
            rows = [(box.x, box.y, box.side) for box in self.boxes]
            self._stacked["squares"] = np.array(rows).reshape(len(rows), 3)
        return self._stacked["squares"]

    @property
    def head_sizes(self) -> np.ndarray:
        """(N,) pixels, NaN where unknown."""
        heads = [sample.head_size for sample in self.samples]
        return np.array([np.nan if head is None else head for head in heads], float)

    def _column(self, name, shape, dtype):
        if name not in self._stacked:
            rows = [getattr(sample, name) for sample in self.samples]
            stacked = np.array(rows, dtype).reshape(len(rows), *shape)
            stacked.flags.writeable = False
            self._stacked[name] = stacked
        return self._stacked[name]

    def _check_metric(self):
        metric = str(self.metric)
        length = metric.removeprefix(PCK_OF)
        if metric in METRICS or metric == f"{PCK_OF}box":
            return
        if metric.startswith(PCK_OF) and length.count(",") == 1:
            for joint in length.split(","):
                self.joint_set.index(joint)
            return
        expected = f"one of {', '.join(METRICS)}, pck@box or pck@JOINT,JOINT"
        raise InputError(self.source, "metric", expected, self.metric)

    def _check(self, number, sample):
        expected = self.joint_set.num_joints
        if len(sample.joints) != expected:
            wanted = f"the {expected} of {self.joint_set.name}"
            where = f"joints of person {number}"
            raise InputError(self.source, where, wanted, len(sample.joints))
        needed = _NEEDED.get(self.metric)
        if needed and getattr(sample, needed) is None:
            where = f"{needed} of person {number}"
            raise InputError(self.source, where, "pixels (or the metric pck)", None)


def _all_samples(samples, source):
    samples = tuple(samples) if isinstance(samples, Iterable) else (samples,)
    for number, each in enumerate(samples):
        if not isinstance(each, Sample):
            received = type(each).__name__
            raise InputError(source, f"person {number}", "a Sample", received)
    return samples


def checked_people(people: object) -> People:
    """Raises one sentence for anything but People.

    Raises:
        InputError: it is something else, such as a list of Sample.
    """
    if isinstance(people, People):
        return people
    expected = (
        "People, which know their joints: `load_people(...)`, or "
        "`People(samples, joint_set)` of your own"
    )
    raise InputError("people", "", expected, type(people).__name__)
