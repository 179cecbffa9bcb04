"""Label repair by a teacher, before a run."""

import logging
from pathlib import Path

from fpd_tf.data.people import People
from fpd_tf.data.repair import repaired
from fpd_tf.errors import InputError
from fpd_tf.training.joint_teacher import JointTeacher
from fpd_tf.training.recipes import TrainConfig
from fpd_tf.training.run_folder import note

logger = logging.getLogger("fpd_tf")


def check_repair(config: TrainConfig, teacher: object) -> None:
    """Checks that repair has a teacher that predicts joints.

    Args:
        config: of the run.
        teacher: a JointTeacher, a network, or None.

    Raises:
        InputError: there is none, or one that gives heatmaps.
    """
    if config.labels.repair and not isinstance(teacher, JointTeacher):
        sentence = (
            "needs a teacher that predicts joints: a .tflite, several teachers, or "
            "one with rotated views (--views turned)"
        )
        raise InputError.plain("config", "labels.repair", sentence)


def with_repaired_labels(
    people: People, teacher: JointTeacher, cache: Path, run: Path
) -> People:
    """People whose labels the teacher has repaired; log and config.json say how many.

    Args:
        people: with labels.
        teacher: that predicts joints.
        cache: folder of cached predictions.
        run: the run folder, config.json in it.

    Raises:
        InputError: a photograph cannot be read.
    """
    found = repaired(people, *teacher.own_joints(people, cache))
    logger.warning(
        "%s: %d people; mirrored labels undone: %d people; missing labels filled in: "
        "%d joints of %d people",
        *(people.source, len(people), *found.counts.values()),
    )
    note(run, repaired=found.counts)
    return found.people
