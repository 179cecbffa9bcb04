"""The JSON file of --joints: what does not follow from the joint names."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from fpd_tf.errors import InputError
from fpd_tf.files import read_json
from fpd_tf.settings import refused, validated


@validated
class _JointsFile:
    joints: tuple[str, ...] | None = None
    flip_pairs: tuple[tuple[str, str], ...] | None = None
    limbs: tuple[tuple[str, str], ...] | None = None
    groups: dict[str, tuple[str, ...]] | None = None
    sigmas: dict[str, Annotated[float, Field(gt=0, lt=1)]] | None = None


_SCHEMA = TypeAdapter(_JointsFile)


def read_joints_file(path: Path, joints: tuple[str, ...]) -> dict:
    """Fields of `JointSet`, joints by name in place of number.

    Args:
        path: JSON with some of `joints` (new names, in the order of the annotations),
            `flip_pairs` [[right, left], ...], `limbs` [[from, to], ...], `groups`
            {title: [joint, ...]} and `sigmas` {joint: OKS's, for each joint}.
        joints: the names in the annotations.

    Raises:
        InputError: no such file, another field, or a name that is no joint's.

    Example:
        >>> import json, pathlib
        >>> from fpd_tf.data.joints_file import read_joints_file
        >>> own = {"flip_pairs": [["starboard", "port"]]}
        >>> _ = pathlib.Path("joints.json").write_text(json.dumps(own))
        >>> read_joints_file(pathlib.Path("joints.json"), ("port", "starboard"))
        {'flip_pairs': ((1, 0),)}
    """
    content = read_json(path, "a json object")
    try:
        own = _SCHEMA.validate_python(content)
    except ValidationError as error:
        known = "joints, flip_pairs, limbs, groups or sigmas"
        raise refused(path, error, known) from None
    if own.joints and len(own.joints) != len(joints):
        raise InputError(path, "joints", f"{len(joints)} names", len(own.joints))
    joints = own.joints or joints

    def index(name, field):
        if name not in joints:
            raise InputError(path, field, f"one of {', '.join(joints)}", name)
        return joints.index(name)

    def pairs(field):
        rows = getattr(own, field)
        return tuple((index(a, field), index(b, field)) for a, b in rows)

    fields: dict = {"joints": joints} if own.joints else {}
    fields |= {
        field: pairs(field)
        for field in ("flip_pairs", "limbs")
        if getattr(own, field) is not None
    }
    if own.groups is not None:
        fields["groups"] = {
            title: tuple(index(name, f"groups.{title}") for name in names)
            for title, names in own.groups.items()
        }
    if own.sigmas is not None:
        missing = [name for name in joints if name not in own.sigmas]
        if missing or len(own.sigmas) != len(joints):
            expected = f"one of each joint ({', '.join(joints)})"
            raise InputError(path, "sigmas", expected, ", ".join(own.sigmas))
        fields["sigmas"] = tuple(own.sigmas[name] for name in joints)
    return fields
