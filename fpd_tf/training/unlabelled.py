"""Unlabelled people of a run: checks, and leaving out those with low scores."""

import logging
from pathlib import Path

import keras

from fpd_tf.data.people import People, checked_people
from fpd_tf.errors import InputError
from fpd_tf.training.joint_teacher import JointTeacher
from fpd_tf.training.recipes import TrainConfig

logger = logging.getLogger("fpd_tf")

CLEAR = 0.25


def check_unlabelled(
    unlabelled: People | None, people: People, teacher: object, config: TrainConfig
) -> None:
    """Checks that a run can use its unlabelled people.

    Args:
        unlabelled: or None.
        people: with labels.
        teacher: or None.
        config: of the run.

    Raises:
        InputError: no teacher, or one whose predictions have no weight; no people;
            other joints; a person has labels.
    """
    if unlabelled is None:
        return
    if teacher is None:
        sentence = "people without labels need a teacher: give one"
        raise InputError.plain("unlabelled", "", sentence)
    if not (config.teach_unlabelled and config.distillation_weight):
        expected = "true, and distillation_weight above 0, for people without labels"
        received = f"{config.teach_unlabelled}, {config.distillation_weight}"
        raise InputError("config", "teach_unlabelled", expected, received)
    if not len(checked_people(unlabelled)):
        raise InputError("unlabelled", "", "people", "nobody")
    if unlabelled.joint_set.joints != people.joint_set.joints:
        expected = f"those of the labelled people, {', '.join(people.joint_set.joints)}"
        received = ", ".join(unlabelled.joint_set.joints)
        raise InputError("unlabelled", "joints", expected, received)
    labelled = unlabelled.annotated.any(axis=1).sum()
    if labelled:
        expected = (
            "people without annotated joints (give labelled people as training data)"
        )
        raise InputError("unlabelled", "labels", expected, f"{labelled} with labels")


def clearly_seen(
    unlabelled: People, teacher: JointTeacher | keras.Model, folder: Path
) -> People:
    """People whose mean teacher score is 0.25 or more; a log line counts the others.

    Below that score, two of three limb joints of MoveNet are wrong (measured in
    docs/photographs-without-labels.md).

    Args:
        unlabelled: people to choose from.
        teacher: a network is scored on the upright crop only.
        folder: of all kept predictions.

    Raises:
        InputError: nobody is left, or a photograph cannot be read.
    """
    if not isinstance(teacher, JointTeacher):
        teacher = JointTeacher((teacher,), "upright")
    clear = teacher.mean_scores(unlabelled, folder) >= CLEAR
    if not clear.any():
        expected = f"a person with a mean teacher score of {CLEAR} or more"
        raise InputError(unlabelled.source, "", expected, f"none of {len(unlabelled)}")
    if not clear.all():
        logger.warning(
            "%s: %d people; left out for a low score of the teacher: %d",
            *(unlabelled.source, clear.sum(), (~clear).sum()),
        )
    pairs = zip(unlabelled, clear, strict=True)
    return unlabelled.of(person for person, seen in pairs if seen)


def joined(people: People, unlabelled: People) -> People:
    """Both, the labelled ones first; nobody is scored on them."""
    both = (*people, *unlabelled)
    return People(both, people.joint_set, source=people.source)
