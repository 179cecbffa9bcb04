"""The joint set of a COCO file: from its categories, or from a --joints file."""

import logging
from dataclasses import replace
from pathlib import Path

from fpd_tf.data.checks import described
from fpd_tf.data.coco_json import CocoFile
from fpd_tf.data.joints_file import read_joints_file
from fpd_tf.errors import InputError
from fpd_tf.joint_names import flip_pairs_by_name, part_of, side_of
from fpd_tf.joints import JOINT_SETS, JointSet

logger = logging.getLogger("fpd_tf")


def categories_of(file: CocoFile, wanted: str | None) -> list[dict]:
    """The categories whose annotations are people: one, or several of equal joints.

    Args:
        file: read.
        wanted: the name of one; all where None.

    Raises:
        InputError: no such category, its joints are no names, or those of several
            differ.
    """
    posed = [each for each in file.categories if each.get("keypoints")]
    chosen = [each for each in posed if wanted in (None, each.get("name"))]
    if not chosen:
        names = ", ".join(str(each.get("name")) for each in posed)
        raise InputError(file.path, "category", f"one of {names}", wanted)
    for each in chosen:
        joints, where = each["keypoints"], f"category {each.get('name')}: keypoints"
        if not isinstance(joints, list) or not all(
            isinstance(name, str) and name for name in joints
        ):
            raise InputError(file.path, where, "joint names", described(joints))
        if joints != chosen[0]["keypoints"]:
            expected = f"those of {chosen[0].get('name')}, or --category NAME"
            raise InputError(file.path, where, expected, ", ".join(joints))
    return chosen


def joint_set_of(
    file: CocoFile, category: dict, joints_file: Path | None = None
) -> JointSet:
    """The joint set of a category; one log line says what was found by name.

    MPII's, LSP's or COCO's where it has their joints. Else limbs are its skeleton, the
    flip pairs are found by name, and each pair, and each single joint, is a group.

    Args:
        file: read.
        category: one of it.
        joints_file: takes precedence (`read_joints_file`).

    Raises:
        InputError: a skeleton of other joints, a name twice, or a broken joints file.
    """
    joints = tuple(category["keypoints"])
    fields = read_joints_file(joints_file, joints) if joints_file else {}
    joints = fields.pop("joints", joints)
    if known := known_joint_set(joints):
        return replace(known, name=f"own {known.name}", **fields) if fields else known
    if "limbs" not in fields:
        fields["limbs"] = _skeleton(file, category, joints)
    return named_joint_set(str(category.get("name")), joints, fields, file.path)


def known_joint_set(joints: tuple[str, ...]) -> JointSet | None:
    """MPII, LSP or COCO, whichever has these joints in this order."""
    return next((each for each in JOINT_SETS.values() if each.joints == joints), None)


def named_joint_set(
    name: str, joints: tuple[str, ...], fields: dict, source: Path
) -> JointSet:
    """A joint set; pairs and groups that `fields` lacks are found by name.

    Args:
        name: of the set.
        joints: K names.
        fields: others of JointSet.
        source: for messages.

    Raises:
        InputError: they contradict each other.
    """
    by_name = "flip_pairs" not in fields
    pairs = flip_pairs_by_name(joints) if by_name else fields["flip_pairs"]
    fields = {"groups": _groups(joints, pairs)} | fields | {"flip_pairs": pairs}
    try:
        joint_set = JointSet(name, joints, **fields)
    except InputError as error:
        raise InputError.plain(source, "", str(error)) from error
    if by_name:
        logger.warning("%s: %s", source, _said(joints, pairs))
    return joint_set


def _said(joints, pairs):
    """What was found by name, as one line."""
    said = ", ".join(f"{joints[left]}/{joints[right]}" for right, left in pairs)
    paired = {joint for pair in pairs for joint in pair}
    alone = [name for at, name in enumerate(joints) if at not in paired]
    sided = [name for name in alone if side_of(name)]
    said = f"left and right by name: {said or 'none'}"
    if alone:
        said += f"; in the middle: {', '.join(alone)}"
    return said + (f" (no partner for {', '.join(sided)})" if sided else "")


def _groups(joints, pairs):
    """Each pair is scored as one, under the name without its side."""
    left_of, groups = dict(pairs), {}
    for at, name in enumerate(joints):
        if at in left_of:
            part = part_of(name)
            groups[name if part in groups else part] = (at, left_of[at])
        elif at not in left_of.values():
            groups[name] = (at,)
    return groups


def _skeleton(file, category, joints):
    skeleton, numbers = category.get("skeleton") or [], range(1, len(joints) + 1)
    for limb in skeleton if isinstance(skeleton, list) else [skeleton]:
        fits = isinstance(limb, list) and len(limb) == 2
        if not fits or not all(isinstance(at, int) and at in numbers for at in limb):
            where = f"category {category.get('name')}: skeleton"
            expected = f"pairs of joint numbers, 1 to {len(joints)}"
            raise InputError(file.path, where, expected, described(limb))
    return tuple((one - 1, other - 1) for one, other in skeleton)
