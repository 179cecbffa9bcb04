"""pose.json in short: what somebody writes beside a .tflite that was made elsewhere.

    {"version": 1, "image": {"range": [-1, 1]}, "joints": ["left_eye", "right_eye"]}

K joints, S input size.
"""

import json
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from fpd_tf.contract.pose_json import Positive, contract_path
from fpd_tf.contract.rules import FIXED
from fpd_tf.contract.tflite_file import TfliteFile
from fpd_tf.errors import InputError, refused
from fpd_tf.joint_names import flip_pairs_by_name
from fpd_tf.joints import JOINT_SETS, JointSet

FORM = '"version": 1, "image": {"range": [0, 1]}, "joints": ["left_eye", ...]'


@dataclass(frozen=True, config=FIXED)
class ShortImage:
    """The input.

    Args:
        size: S, which the file has too.
        range: that levels 0 to 255 are spread over; where None 0 to 1, of an integer
            image without a scale the levels themselves.
    """

    size: Positive | None = None
    range: tuple[float, float] | None = None


@dataclass(frozen=True, config=FIXED)
class ShortContract:
    """What must be known of a foreign .tflite, and cannot be seen in it.

    Args:
        version: of the schema.
        joints: K names in the order of the output.
        image: the input.
        flip_pairs: (right, left) indices; where None by the names.
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
        None where none stands there, or a whole one, which names its model.

    Raises:
        InputError: no contract, one of another version, or joints that are no set.
    """
    path = contract_path(file.path)
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, "", "a contract (pose.json)", error) from error
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
    """Refuses a short contract that does not suit its file.

    Args:
        told: what stands beside the file.
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
