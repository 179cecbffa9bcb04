"""People without labels in a run: checked, and left out where the teacher is unsure."""

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
    """Refuses people without labels from whom nothing would be learned.

    Args:
        unlabelled: None where there are none.
        people: with labels.
        teacher: None where there is none.
        config: of the run.

    Raises:
        InputError: no teacher, or one whose predictions have no weight; nobody; other
            joints; somebody has labels.
    """
    if unlabelled is None:
        return
    if teacher is None:
        sentence = "only a teacher can teach people without labels: give one"
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
        expected = "people of whom no joint is annotated (else their labels teach, too)"
        raise InputError("unlabelled", "labels", expected, f"{labelled} with labels")


def clearly_seen(
    unlabelled: People, teacher: JointTeacher | keras.Model, folder: Path
) -> People:
    """People whose mean teacher score is 0.25 or more; a log line counts the others.

    Where a turned MoveNet scores less, two of three limb joints are wrong (measured in
    docs/photographs-without-labels.md).

    Args:
        unlabelled: people to choose from.
        teacher: a network predicts the upright crop alone.
        folder: of all kept predictions.

    Raises:
        InputError: nobody is seen clearly, or a photograph cannot be read.
    """
    if not isinstance(teacher, JointTeacher):
        teacher = JointTeacher((teacher,), "upright")
    clear = teacher.mean_scores(unlabelled, folder) >= CLEAR
    if not clear.any():
        expected = f"somebody whom the teacher scores {CLEAR} or more in the mean"
        raise InputError(unlabelled.source, "", expected, f"none of {len(unlabelled)}")
    if not clear.all():
        logger.warning(
            "%s: %d people; left out, not seen clearly by the teacher: %d",
            *(unlabelled.source, clear.sum(), (~clear).sum()),
        )
    pairs = zip(unlabelled, clear, strict=True)
    return unlabelled.of(person for person, seen in pairs if seen)


def joined(people: People, unlabelled: People) -> People:
    """Both, the labelled ones first; nobody is scored on them."""
    both = (*people, *unlabelled)
    return People(both, people.joint_set, source=people.source)
