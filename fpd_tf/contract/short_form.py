"""The short pose.json, written by hand beside a .tflite from another source.

    {"version": 1, "image": {"range": [-1, 1]}, "joints": ["left_eye", "right_eye"]}

K joints, S input size.
"""

from typing import Literal

from pydantic import TypeAdapter, ValidationError, model_validator

from fpd_tf.contract.pose_json import CONTRACT, Positive, contract_path
from fpd_tf.contract.tflite_file import TfliteFile
from fpd_tf.errors import InputError
from fpd_tf.files import read_json
from fpd_tf.joint_names import flip_pairs_by_name
from fpd_tf.joints import JOINT_SETS, JointSet
from fpd_tf.settings import refused, validated

FORM = '"version": 1, "image": {"range": [0, 1]}, "joints": ["left_eye", ...]'


@validated
class ShortImage:
    """The input.

    Args:
        size: S, which the file has too.
        range: to which pixel values 0 to 255 are scaled; if None, 0 to 1, or what an
            integer image's scale covers, or 0 to 255 where it has none.
    """

    size: Positive | None = None
    range: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _range_rises(self):
        if self.range and not self.range[0] < self.range[1]:
            raise ValueError("range: the smaller value first, such as [-1, 1]")
        return self


@validated
class ShortContract:
    """What a .tflite from another source does not state itself.

    Args:
        version: of the schema.
        joints: K names in the order of the output.
        image: the input.
        flip_pairs: (right, left) indices; if None, from the names.
        limbs: (from, to) indices joined by a line in drawings.
    """

    version: Literal[1]
    joints: tuple[str, ...]
    image: ShortImage = ShortImage()
    flip_pairs: tuple[tuple[int, int], ...] | None = None
    limbs: tuple[tuple[int, int], ...] = ()

    @property
    def joint_set(self) -> JointSet:
        """The joints; a known set where they are its own."""
        for known in JOINT_SETS.values():
            if known.joints == self.joints:
                return known
        pairs = self.flip_pairs
        pairs = flip_pairs_by_name(self.joints) if pairs is None else pairs
        return JointSet("pose.json", self.joints, pairs, self.limbs)


_SCHEMA = TypeAdapter(ShortContract)


def short_contract(file: TfliteFile) -> ShortContract | None:
    """The short contract beside a .tflite.

    Args:
        file: read and checked.

    Returns:
        None if there is none, or a full one, which names its model.

    Raises:
        InputError: no contract, one of another version, or joints that are no set.
    """
    path = contract_path(file.path)
    if not path.exists():
        return None
    content = read_json(path, CONTRACT)
    if isinstance(content, dict) and "model" in content:
        return None
    try:
        told = _SCHEMA.validate_python(content)
        JointSet(str(path), told.joints, told.flip_pairs or (), told.limbs)
    except ValidationError as error:
        raise refused(path, error, f"the fields of a short one, {FORM}") from None
    return told


def check_short(
    told: ShortContract, file: TfliteFile, size: int, num_joints: int
) -> None:
    """Checks a short contract against its file.

    Args:
        told: the short contract.
        file: the file.
        size: S of its input.
        num_joints: K of its output.

    Raises:
        InputError: another size, or another number of joints.
    """
    for field, stated, found in (
        ("image.size", told.image.size or size, size),
        ("joints", len(told.joints), num_joints),
    ):
        if stated != found:
            expected = f"{found}, as {file.path.name} has"
            raise InputError(contract_path(file.path), field, expected, stated)
