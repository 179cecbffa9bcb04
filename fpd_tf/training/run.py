"""Training in a run folder, which can be interrupted and resumed."""

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from fpd_tf.data.epoch import labelled_in_batch
from fpd_tf.data.people import People, checked_people
from fpd_tf.data.pipeline import Teacher, broken_files_named, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import evaluate, scorer
from fpd_tf.evaluation.plots import plot_history
from fpd_tf.files import written_whole
from fpd_tf.models.keras_file import joint_set_of_network, load_network
from fpd_tf.models.precision import with_precision
from fpd_tf.predictors.vote import Views
from fpd_tf.training.build import compiled_distiller, network_for
from fpd_tf.training.checkpoint import (
    RunCheckpoint,
    RunState,
    has_waited,
    read_history,
    restore,
)
from fpd_tf.training.devices import Devices, devices_of
from fpd_tf.training.digests import digest_of_teachers
from fpd_tf.training.distiller import check_teacher
from fpd_tf.training.fused_norm import FUSED
from fpd_tf.training.joint_teacher import (
    JointTeacher,
    NetworkOrFile,
    all_of,
    joint_teacher,
)
from fpd_tf.training.recipes import TrainConfig
from fpd_tf.training.repair import check_repair, with_repaired_labels
from fpd_tf.training.run_folder import (
    begin_or_check,
    check_run_folder,
    describe_run,
    sole_use,
)
from fpd_tf.training.teacher import cache_teacher
from fpd_tf.training.unlabelled import check_unlabelled, clearly_seen, joined

logger = logging.getLogger("fpd_tf")

CACHE = "teacher-cache"

Score = Callable[[keras.Model], Mapping[str, float]]


def train(
    people: People,
    out: str | Path,
    config: TrainConfig = TrainConfig(),
    *,
    teacher: NetworkOrFile | Sequence[NetworkOrFile] | None = None,
    views: Views | None = None,
    unlabelled: People | None = None,
    network: keras.Model | None = None,
    validation: People | None = None,
    score: Score | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    resume: bool = False,
    devices: int = 1,
    command: Sequence[str] = (),
) -> Path:
    """Trains a network on ground truth and, if there is a teacher, on its predictions.

    The run folder holds config.json, history.csv, curves.png, checkpoints/ and
    student.keras (the trained network, also if it is a teacher); with validation people
    also scores.json. It is consistent after each epoch.

    Args:
        people: to train on; joints without labels are learned from the teacher.
        out: the run folder; must not exist unless resuming.
        config: network, recipe and data settings.
        teacher: a trained network or its .keras file (Eq. 5), a .tflite file of any
            kind such as MoveNet's, or several, which vote; None for labels only
            (Eq. 3). With `config.teacher_cache`, or if it predicts joints, it runs
            once, before training; its predictions are cached beside the run folder in
            teacher-cache/, for other runs too.
        views: of each crop, for a teacher that runs once: "upright", "mirrored" or
            "turned". None: mirrored for a network, if training mirrors; turned for a
            .tflite.
        unlabelled: people with the same joints without labels, learned from the teacher
            only: `config.data.unlabelled_share` of each batch. An epoch is one pass
            over `people`. Those with a low mean score of the teacher are left out.
        network: your own Functional network, in place of the preset; its weights are
            the initial weights.
        validation: people to score on every `config.score_every` epochs; the history
            has mean and AUC as `val_mean` and `val_auc`.
        score: called with the float32 network in place of that; its results are logged
            as `val_...`.
        callbacks: of Keras or your own, called after each epoch was scored and saved.
        resume: continue after the last complete epoch, with the same settings and
            people.
        devices: to share each batch, of this machine or of each machine of TF_CONFIG
            (docs/several-devices.md); the batch size must be a multiple of all.
        command: for config.json.

    Returns:
        The run folder; with several machines, only the first writes it.

    Raises:
        InputError: Keras does not run on TensorFlow; the folder exists, is in use, or
            was made with other settings; the batch does not fit the devices; network,
            teacher and people do not fit; a photograph broke or vanished.
        GateError: the loss is no longer finite.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.hourglass import stacked_hourglass
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="train")
        >>> network = stacked_hourglass(
        ...     num_stacks=1, num_features=4, depth=1, stem_width=4, input_size=32
        ... )
        >>> data = fpd.DataConfig(input_size=32, batch_size=5)
        >>> config = fpd.TrainConfig(epochs=1, data=data)
        >>> run = fpd.train(people, "run", config, network=network)
        2/2 - ... - loss: ... - student_loss: ...
        >>> (run / "student.keras").exists()
        True
    """
    _check_backend()
    out, people, devices = Path(out), checked_people(people), devices_of(devices)
    if devices.is_chief:
        check_run_folder(out, resume)
    check_unlabelled(unlabelled, people, teacher, config)
    in_batch = labelled_in_batch(config.data) if unlabelled else None
    steps = devices.steps(len(people), config.data.batch_size, in_batch)
    if validation is not None:
        _check_validation(validation, people, unlabelled)
    score = _score(validation, score, config, devices)
    network = network_for(people, config, network)
    given = teacher
    source, teacher = _opened(given, network, views)
    content = given and digest_of_teachers(all_of(given))
    check_repair(config, teacher)
    description = describe_run(
        source, network, config, people, command, unlabelled, content
    )
    keeps = isinstance(teacher, JointTeacher) or (
        teacher is not None and config.teacher_cache
    )
    if views and not keeps:
        sentence = (
            "go with a teacher that runs once: set teacher_cache=true, or give a "
            "teacher that predicts joints"
        )
        raise InputError.plain("views", "", sentence)
    distiller = compiled_distiller(
        network,
        config,
        steps,
        teacher=None if keeps else teacher,
        strategy=devices.strategy,
    )
    with devices.run_folder(out, resume) as folder, sole_use(folder, resume):
        begun = begin_or_check(folder, description, resume)
        student = distiller.student
        state = restore(folder, student, distiller.optimizer) if begun else RunState()
        checkpoint = RunCheckpoint(folder, state, network, student, score, config)
        with devices.others_named():
            labelled, cache = None, out.parent / CACHE
            if config.labels.repair:
                given = people, teacher, cache, folder
                people = devices.in_turn(partial(with_repaired_labels, *given))
            if unlabelled:
                look = partial(clearly_seen, unlabelled, teacher, cache)
                labelled = len(people)
                people = joined(people, devices.in_turn(look))
            fill = partial(_kept, teacher, views, people, config, cache)
            kept = devices.in_turn(fill) if keeps else None
            with broken_files_named():
                distiller.fit(
                    batches(people, config, kept, state.epoch, devices, labelled),
                    initial_epoch=state.epoch,
                    epochs=_last_epoch(config, state),
                    steps_per_epoch=steps,
                    callbacks=[checkpoint, *callbacks],
                    shuffle=False,
                    verbose=_verbosity(devices),
                )
        if devices.is_chief:
            _finish(folder, validation)
    return out


def distill(
    people: People,
    out: str | Path,
    teacher: NetworkOrFile | Sequence[NetworkOrFile],
    config: TrainConfig = TrainConfig(),
    **how,
) -> Path:
    """`train` with a required teacher.

    Args:
        people, out, teacher, config, how: as for `train`.

    Returns:
        The run folder, student.keras in it.

    Raises:
        InputError, GateError: as for `train`.
    """
    if teacher is None:
        raise InputError("teacher", "", "a trained network or its .keras file", None)
    return train(people, out, config, teacher=teacher, **how)


def _check_backend():
    backend = keras.backend.backend()
    if backend != "tensorflow":
        sentence = (
            f"is {backend}; training runs on TensorFlow: set KERAS_BACKEND=tensorflow "
            "before Keras is imported (a Distiller's own fit runs on JAX too)"
        )
        raise InputError.plain("KERAS_BACKEND", "", sentence)


def _check_validation(validation, people, unlabelled):
    """Refuses people of other joints; warns of photographs that are trained on too."""
    checked_people(validation)
    if validation.joint_set.joints != people.joint_set.joints:
        expected = f"those trained on, {', '.join(people.joint_set.joints)}"
        received = ", ".join(validation.joint_set.joints)
        raise InputError("validation", "joints", expected, received)
    seen = {person.photograph for person in (*people, *(unlabelled or ()))}
    shared = seen & {person.photograph for person in validation}
    if shared:
        logger.warning(
            "%d of the photographs to validate on, such as %s, are trained on too: "
            "their scores say little about others",
            *(len(shared), min(shared)),
        )


def _score(validation, score, config, devices):
    """The function that scores the network after an epoch; first machine only."""
    if validation is not None:
        score = score or scorer(validation)
    for field in ("keep_best", "patience"):
        if getattr(config, field) and not score:
            raise InputError.plain("config", field, "needs validation people to score")
    if config.patience and devices.machine.count > 1:
        sentence = "needs a run on one machine: only the first machine scores"
        raise InputError.plain("config", "patience", sentence)
    return score if devices.is_chief else None


def _opened(teacher, network, views):
    """Name of a teacher, and its network or `JointTeacher`; None, None without one."""
    if teacher is None:
        return None, None
    voting = joint_teacher(teacher, views)
    if voting:
        voting.check(joint_set_of_network(network))
        return voting.name, voting
    (teacher,) = all_of(teacher)
    if isinstance(teacher, keras.Model):
        source = teacher.name
    else:
        source, teacher = str(teacher), load_network(teacher)
    check_teacher(teacher, network, source)
    return source, teacher


def _kept(teacher, views, people, config, folder):
    """The teacher's predictions, computed if they are not cached yet."""
    if isinstance(teacher, JointTeacher):
        return teacher.of(people, config.data, folder)
    mirror = config.data.flip > 0 if views is None else views == "mirrored"
    return cache_teacher(
        with_precision(teacher, config.precision, layers=FUSED),
        people,
        config.data.input_size,
        folder,
        mirror=mirror,
    )


def batches(
    people: People,
    config: TrainConfig,
    kept: Teacher | None = None,
    first_epoch: int = 0,
    devices: Devices | None = None,
    labelled: int | None = None,
) -> tf.data.Dataset:
    """The endless stream of batches that a run fits its Distiller on.

    Args:
        people: to train on.
        config: its data settings.
        kept: a teacher's predictions for them, the fourth element of each batch.
        first_epoch: of a resumed run.
        devices: to share each batch.
        labelled: the first so many people make an epoch; None for all.
    """
    devices = devices or devices_of(1)
    dataset = make_dataset(
        people,
        config.data,
        training=True,
        first_epoch=first_epoch,
        teacher=kept,
        shared=devices.machine.count > 1,
        labelled=labelled,
    )
    return devices.shared(dataset)


def _last_epoch(config, state):
    over = has_waited(state.history, config.patience)
    return state.epoch if over else config.epochs


def _verbosity(devices):
    if not devices.is_chief:
        return 0
    return 1 if sys.stdout.isatty() else 2


def _finish(folder, validation):
    """Adds curves.png and, where there are validation people, scores.json."""
    plot_history(read_history(folder), folder / "curves.png")
    if validation is not None:
        scores = evaluate(folder / "student.keras", validation).as_dict()
        with written_whole(folder / "scores.json") as aside:
            aside.write_text(json.dumps(scores, indent=2))
