"""A training run in a folder: started, interrupted, resumed, finished."""

import fcntl
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import tensorflow as tf

from fpd_tf.data.people import People, checked_people
from fpd_tf.data.pipeline import broken_files_named, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.models.keras_file import load_network, named_network
from fpd_tf.models.precision import with_precision
from fpd_tf.models.presets import build_model
from fpd_tf.training.checkpoint import RunCheckpoint, describe_run, restore
from fpd_tf.training.devices import in_turn, strategy_of, this_machine
from fpd_tf.training.distiller import Distiller, check_teacher
from fpd_tf.training.fused_norm import FUSED
from fpd_tf.training.losses import joints_cross_entropy, joints_mse
from fpd_tf.training.recipes import TrainConfig, make_optimizer
from fpd_tf.training.teacher import cache_teacher, collapsed_target

CACHE = "teacher-cache"
DISTANCES = {"mse": joints_mse, "cross_entropy": joints_cross_entropy}

Score = Callable[[keras.Model], Mapping[str, float]]


def train(
    people: People,
    out: str | Path,
    config: TrainConfig = TrainConfig(),
    *,
    score: Score | None = None,
    resume: bool = False,
    devices: int = 1,
) -> Path:
    """Trains a network on ground truth alone, each stack supervised by Eq. 3.

    The run folder holds config.json, history.csv, checkpoints/ and student.keras (the
    trained network, whatever its role). It is whole after each epoch.

    Args:
        people: to train on.
        out: the run folder; must not exist unless resuming.
        config: network, recipe and data settings.
        score: called with the network in float32 every `config.score_every` epochs;
            what it gives is kept in the history as `val_...`.
        resume: go on from the last whole epoch, with the same settings.
        devices: to share each batch, of this machine or of each machine of TF_CONFIG
            (docs/several-devices.md); the batch must divide by all of them.

    Returns:
        The run folder; of several machines only the first one writes it.

    Raises:
        InputError: the folder exists, is in use, or was made with other settings; the
            batch does not suit the devices; a photograph broke or vanished.
        GateError: the loss is no longer finite.
    """
    run = _Run(config, people, devices)
    run.learn_from_truth()
    description = describe_run("train", None, config, people)
    return run.fit(Path(out), description, score, resume)


def distill(
    people: People,
    out: str | Path,
    teacher: str | Path | keras.Model,
    config: TrainConfig = TrainConfig(),
    *,
    score: Score | None = None,
    resume: bool = False,
    devices: int = 1,
) -> Path:
    """Trains a student on ground truth and on a teacher's heatmaps (Eq. 5).

    With `config.teacher_cache` the teacher runs once, before training; what it said is
    kept beside the run folder in teacher-cache/, for other runs too.

    Args:
        people: to train on; those without labels are taught by the teacher.
        out: the run folder; must not exist unless resuming.
        teacher: a trained network or its .keras file.
        config: the student's network, recipe and data settings.
        score, resume, devices: as for `train`.

    Returns:
        The run folder, student.keras in it.

    Raises:
        InputError, GateError: as for `train`; or the teacher gives other joints or
            takes another size of image.
    """
    run = _Run(config, people, devices)
    if isinstance(teacher, keras.Model):
        source = teacher.name
    else:
        source, teacher = str(teacher), load_network(teacher)
    check_teacher(teacher, run.network, source)
    if config.teacher_cache:
        run.learn_from_cache(teacher)
    else:
        run.learn_from_teacher(teacher)
    description = describe_run("distill", source, config, people)
    return run.fit(Path(out), description, score, resume)


class _Run:
    """A network on its devices, what it learns from, and the folder it ends in.

    `network` is plain and float32: it is scored and saved. `trained` is its copy on
    every device, in the recipe's precision; `fitted` is what `fit` is called on.
    """

    def __init__(self, config, people, devices):
        self.config, self.people = config, checked_people(people)
        self.machine, self.strategy = this_machine(), strategy_of(devices)
        self.replicas = self.strategy.num_replicas_in_sync
        self.steps = _steps(people, config, self.replicas)
        self.network = _new_network(config, people)
        with self.strategy.scope():
            self.optimizer = make_optimizer(config, self.steps)
            self.trained = with_precision(
                self.network,
                config.precision,
                synchronized=self.replicas > 1,
                layers=FUSED,
            )
            self.optimizer.build(self.trained.trainable_variables)
        self.prepare = self.cache = self.soft_heatmaps = None

    def learn_from_truth(self):
        """Compiles each stack on Eq. 3, and gives what makes a batch its targets.

        On several machines `fit` takes no losses of `compile` (keras issue 20585).
        """
        if self.replicas > 1:
            self.fitted = Distiller(student=self.trained)
            self.fitted.compile(self.optimizer, jit_compile=False)
            return lambda *batch: batch
        self.fitted, stacks = self.trained, len(self.trained.outputs)
        losses = [joints_mse] * stacks
        self.fitted.compile(self.optimizer, loss=losses, jit_compile=False)
        self.prepare = _repeat_targets(stacks)
        return self.prepare

    def learn_from_cache(self, teacher):
        """Turns batches into targets that hold both truth and teacher."""
        config = self.config
        distance = config.distillation_distance
        how = config.distillation_weight, config.teach_unlabelled
        if distance != "mse":
            expected = "mse with teacher_cache"
            raise InputError("config", "distillation_distance", expected, distance)
        as_targets = self.learn_from_truth()

        def prepare(images, heatmaps, joint_weights, soft_heatmaps):
            truth_and_teacher = heatmaps, joint_weights, soft_heatmaps
            return as_targets(images, *collapsed_target(*truth_and_teacher, *how))

        teacher = with_precision(teacher, self.config.precision, layers=FUSED)

        def cache(folder):
            return cache_teacher(
                teacher,
                self.people,
                config.data.input_size,
                folder,
                mirror=config.data.flip > 0,
            )

        self.prepare, self.cache = prepare, cache

    def learn_from_teacher(self, teacher):
        """Has the teacher run in each step."""
        with self.strategy.scope():
            teacher = with_precision(teacher, self.config.precision, layers=FUSED)
        self.fitted = Distiller(
            teacher=teacher,
            student=self.trained,
            distillation_weight=self.config.distillation_weight,
            distance=DISTANCES[self.config.distillation_distance],
            teach_unlabelled=self.config.teach_unlabelled,
        )
        self.fitted.compile(self.optimizer, jit_compile=False)

    def fit(self, out: Path, description, score: Score | None, resume: bool) -> Path:
        with _folder_of(self.machine, out, resume) as folder, _sole_use(folder, resume):
            state = restore(folder, description, self.trained, self.optimizer, resume)
            with _other_machines_named():
                if self.cache:
                    fill = partial(self.cache, out.parent / CACHE)
                    self.soft_heatmaps = in_turn(self.strategy, fill)
                with broken_files_named(self.people, self.soft_heatmaps):
                    self.fitted.fit(
                        self._epochs(state.epoch),
                        initial_epoch=state.epoch,
                        epochs=self.config.epochs,
                        steps_per_epoch=self.steps,
                        callbacks=[self._checkpoint(folder, state, score)],
                        shuffle=False,
                        verbose=self._verbosity(),
                    )
        return out

    def _checkpoint(self, folder, state, score):
        score = None if self.machine.index else score
        every = self.config.score_every
        return RunCheckpoint(folder, state, self.network, self.trained, score, every)

    def _verbosity(self):
        if self.machine.index:
            return 0
        return 1 if sys.stdout.isatty() else 2

    def _epochs(self, first_epoch):
        dataset = make_dataset(
            self.people,
            self.config.data,
            training=True,
            first_epoch=first_epoch,
            soft_heatmaps=self.soft_heatmaps,
            shared=self.machine.count > 1,
        )
        if self.machine.count > 1:
            dataset = dataset.with_options(_a_part_for_each_machine())
        return dataset.map(self.prepare) if self.prepare else dataset


def _new_network(config, people):
    keras.utils.set_random_seed(config.data.seed)
    of_data = {
        "num_joints": people.joint_set.num_joints,
        "input_size": config.data.input_size,
    }
    for name in of_data.keys() & config.model.keys():
        expected = f"{of_data[name]}, as the data have it"
        raise InputError("config.model", name, expected, config.model[name])
    network = build_model(config.preset, **of_data, **config.model)
    if config.start_from:
        _copy_weights(config.start_from, network)
    return named_network(network, people.joint_set)


def _copy_weights(path, network):
    started = load_network(path)
    shapes = [
        [weight.shape for weight in model.weights] for model in (network, started)
    ]
    if shapes[0] != shapes[1]:
        raise InputError(path, "", f"the weights of {network.name}", started.name)
    network.set_weights(started.get_weights())


def _steps(people, config, replicas):
    batch = config.data.batch_size
    if batch % replicas:
        expected = f"a multiple of {replicas}, a part for each device"
        raise InputError("config.data", "batch_size", expected, batch)
    steps = len(people) // batch
    if not steps:
        raise InputError("people", "", f"at least one batch of {batch}", len(people))
    return steps


def _repeat_targets(num_stacks):
    """Hands each stack of a network its own copy of the truth, as `fit` wants it."""

    def repeat(images, heatmaps, joint_weights):
        return images, (heatmaps,) * num_stacks, (joint_weights,) * num_stacks

    return repeat


def _a_part_for_each_machine():
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.HINT
    options.experimental_distribute.auto_shard_policy = policy
    return options


@contextmanager
def _other_machines_named():
    """Says so where it is another machine that stopped."""
    try:
        yield
    except tf.errors.OpError as error:
        if "Collective ops is aborted" not in error.message:
            raise
        received = "another one stopped; it said why"
        error = error.with_traceback(None)  # which TensorFlow's threads hang on
        raise InputError("TF_CONFIG", "", "every machine", received) from error


@contextmanager
def _folder_of(machine, out: Path, resume: bool):
    """The first machine's run folder; the others have one aside, which goes away."""
    if not machine.index:
        yield out
        return
    with TemporaryDirectory() as aside:
        folder = Path(aside) / out.name
        if resume and out.exists():
            shutil.copytree(out, folder)
        yield folder


@contextmanager
def _sole_use(out: Path, resume: bool):
    """Makes or reopens a run folder and holds it against a second run."""
    begun, empty = (out / "config.json").is_file(), _holds_nothing(out)
    if out.exists() and not (resume or empty):
        raise InputError(out, "", "a new folder, or --resume", "it exists")
    if resume and not (begun or empty):
        raise InputError(out, "config.json", "a run to resume", "no such file")
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(out, "", "a folder of its own", "another run's") from error
        yield


def _holds_nothing(out):
    """Whether a folder has at most what a run killed in its first moment leaves."""
    left = (".lock", "partial-")
    return out.is_dir() and all(each.name.startswith(left) for each in out.iterdir())
