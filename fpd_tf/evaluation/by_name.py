"""Joints that people and networks with other joints have in common."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.joint_maps import SAME
from fpd_tf.joint_names import plain_name
from fpd_tf.joints import JointSet
from fpd_tf.predictors.predictor import Predictor


def common_joints(people: People, predictors: Sequence[Predictor]) -> tuple[str, ...]:
    """The people's scored joints that every predictor has by name, without midpoints.

    LSP's neck is MPII's upper_neck.

    Raises:
        InputError: there is none.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.evaluation.by_name import common_joints
        >>> from fpd_tf.models.keras_file import named_network
        >>> from fpd_tf.predictors.load import load_predictor
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> network = fpd.build_model("tiny", num_joints=14, input_size=64)
        >>> predictor = load_predictor(named_network(network, fpd.LSP))
        >>> len(common_joints(people, [predictor]))
        14
    """
    joint_set = people.joint_set
    names = [joint_set.joints[joint] for joint in joint_set.scored]
    for predictor in predictors:
        theirs = predictor.joint_set
        left = [name for name in names if _has(theirs, plain_name(name))]
        if not left:
            expected = f"those of the people, {', '.join(joint_set.joints)}"
            received = ", ".join(theirs.joints)
            raise InputError(predictor.name, "joints", expected, received)
        names = left
    return tuple(names)


def _has(joint_set, plain):
    names = (plain, SAME[plain]) if plain in SAME else (plain,)
    return any(joint_set.find(name) is not None for name in names)


def with_names_of(predictor: Predictor, joint_set: JointSet) -> Predictor:
    """The predictor with these joints, if it has no joint names and as many joints."""
    own = predictor.joint_set
    if own.is_numbered and own.num_joints == joint_set.num_joints:
        return replace(predictor, joint_set=joint_set)
    return predictor


def only_joints(people: People, names: Sequence[str]) -> People:
    """The same people with the labels of these joints alone."""
    kept = np.isin(people.joint_set.joints, names)
    return people.of(
        replace(person, annotated=person.annotated & kept) for person in people
    )
