"""Teachers that predict joints: .tflite files, several teachers, or rotated views."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fpd_tf.codec import Heatmaps
from fpd_tf.contract.pose_json import contract_path
from fpd_tf.data.people import People
from fpd_tf.data.pipeline import DataConfig
from fpd_tf.data.teacher_joints import TeacherJoints
from fpd_tf.errors import InputError
from fpd_tf.joint_maps import joint_map
from fpd_tf.joints import JointSet
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Predictor
from fpd_tf.predictors.vote import Views
from fpd_tf.shipped import model_file
from fpd_tf.training.teacher_predictions import teacher_predictions

NetworkOrFile = str | Path | keras.Model


@dataclass(frozen=True, eq=False)
class JointTeacher:
    """One teacher, or several that vote, that predict joints and confidences.

    Args:
        teachers: files, networks, or names of shipped students.
        views: of each of them.
    """

    teachers: tuple[NetworkOrFile, ...]
    views: Views

    def __post_init__(self):
        object.__setattr__(self, "teachers", all_of(self.teachers))

    @property
    def name(self) -> str:
        """For config.json and messages."""
        names = [
            each.name if isinstance(each, keras.Model) else str(each)
            for each in self.teachers
        ]
        return f"{' + '.join(names)} ({self.views})"

    def check(self, joint_set: JointSet) -> None:
        """Opens the teachers.

        Raises:
            InputError: a bad file, or one without a joint in common with `joint_set`.
        """
        for each in self.teachers:
            _check_common(load_predictor(each), joint_set)

    def mean_scores(self, people: People, folder: Path) -> np.ndarray:
        """Its mean score of each person, (N,), about 0 (nobody there) to 1.

        Args:
            people: N.
            folder: of all kept predictions.
        """
        _, predicted = teacher_predictions(people, self.teachers, folder, self.views)
        return predicted.scores.mean(axis=1)

    def own_joints(self, people: People, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Its joints (N, K, 2) of the people's joint set, and their scores (N, K).

        Joints that no teacher has itself score 0: midpoints are not used as labels.

        Args:
            people: N.
            folder: of all kept predictions.
        """
        joint_set, predicted = teacher_predictions(
            people, self.teachers, folder, self.views
        )
        wanted = joint_map(joint_set, people.joint_set)
        scores = wanted.weights(predicted.scores) * wanted.own
        return wanted.joints(predicted.joints), scores

    def of(self, people: People, config: DataConfig, folder: Path) -> TeacherJoints:
        """Its predictions for people, computed if they are not cached yet.

        A joint that no teacher has gets weight 0, the others their score.

        Args:
            people: N.
            config: of the student's heatmaps.
            folder: of all kept predictions.

        Raises:
            InputError: no joint of anybody has a score above 0.
        """
        joint_set, predicted = teacher_predictions(
            people, self.teachers, folder, self.views
        )
        wanted = joint_map(joint_set, people.joint_set)
        weights = wanted.weights(predicted.scores).clip(0, 1)
        if not weights.any():
            sentence = "sees no joint of anybody: is its input range right?"
            raise InputError.plain(self.name, "", sentence)
        return TeacherJoints(
            wanted.joints(predicted.joints),
            weights,
            Heatmaps(config.input_size, sigma=config.sigma),
            people.joint_set.flip_order,
        )


def all_of(teacher: NetworkOrFile | Sequence[NetworkOrFile]) -> tuple:
    """Each teacher of one or several; the file of a shipped student for its name."""
    several = isinstance(teacher, Sequence) and not isinstance(teacher, str)
    return tuple(
        model_file(each, "keras") if isinstance(each, str | Path) else each
        for each in (teacher if several else [teacher])
    )


def joint_teacher(
    teacher: NetworkOrFile | Sequence[NetworkOrFile], views: Views | None
) -> JointTeacher | None:
    """A teacher that predicts joints; None for one network with heatmaps.

    Args:
        teacher: one or several.
        views: None for "turned".

    Raises:
        InputError: one of them is no network and no file.

    Example:
        >>> from fpd_tf.training.joint_teacher import joint_teacher
        >>> joint_teacher("thunder.tflite", None).name
        'thunder.tflite (turned)'
        >>> joint_teacher("teacher.keras", "mirrored") is None
        True
    """
    teachers = all_of(teacher)
    for each in teachers:
        if not isinstance(each, str | Path | keras.Model):
            expected = "a network, or a .keras or .tflite file, or a list of them"
            raise InputError("teacher", "", expected, type(each).__name__)
    heatmaps = len(teachers) == 1 and not str(teachers[0]).endswith(".tflite")
    if heatmaps and views != "turned":
        return None
    return JointTeacher(teachers, views or "turned")


def _check_common(predictor: Predictor, joint_set: JointSet):
    theirs = predictor.joint_set.joints
    try:
        joint_map(predictor.joint_set, joint_set)
    except InputError as error:
        expected = f"one or more of {joint_set.name}'s ({', '.join(joint_set.joints)})"
        if predictor.joint_set.is_numbered:
            expected += f", named in {contract_path(predictor.name).name}"
        raise InputError(
            predictor.name, "joints", expected, ", ".join(theirs)
        ) from error
