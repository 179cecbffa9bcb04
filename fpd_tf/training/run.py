"""A training run in a folder: started, interrupted, resumed, finished."""

import dataclasses
import fcntl
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras

from fpd_tf.data.joints import JointSet, Sample
from fpd_tf.data.pipeline import make_dataset
from fpd_tf.data.soft_heatmaps import SoftHeatmaps
from fpd_tf.errors import InputError
from fpd_tf.models.files import load_network
from fpd_tf.models.precision import with_precision
from fpd_tf.models.presets import build_model
from fpd_tf.training.checkpoint import RunCheckpoint, describe_run, restore
from fpd_tf.training.distiller import Distiller, check_teacher
from fpd_tf.training.losses import joints_cross_entropy, joints_mse
from fpd_tf.training.recipes import TrainConfig, make_optimizer
from fpd_tf.training.teacher_cache import cache_teacher, collapsed_target

CACHE = "teacher-cache"
DISTANCES = {"mse": joints_mse, "cross_entropy": joints_cross_entropy}

Score = Callable[[keras.Model], Mapping[str, float]]


def train(
    samples: Sequence[Sample],
    out: str | Path,
    config: TrainConfig = TrainConfig(),
    *,
    score: Score | None = None,
    joint_set: JointSet | None = None,
    resume: bool = False,
) -> Path:
    """Trains a network on ground truth alone, each stack supervised by Eq. 3.

    The run folder holds config.json, history.csv, checkpoints/ and student.keras (the
    trained network, whatever its role). It is whole after each epoch.

    Args:
        samples: people to train on.
        out: the run folder; must not exist unless resuming.
        config: network, recipe and data settings.
        score: called with the network in float32 every `config.score_every` epochs;
            what it gives is kept in the history as `val_...`.
        joint_set: of the samples; by their number of joints where None.
        resume: go on from the last whole epoch, with the same settings.

    Returns:
        The run folder.

    Raises:
        InputError: the folder exists, is in use, or was made with other settings.
        GateError: the loss is no longer finite.
    """
    optimizer = make_optimizer(config, _steps(samples, config))
    network = _new_network(config, samples)
    trained = with_precision(network, config.precision)
    repeat = _compile_on_targets(trained, optimizer)
    run = _Run(network, trained, trained, config, samples, joint_set, repeat)
    description = describe_run("train", None, config, samples)
    return run.fit(Path(out), description, score, resume)


def distill(
    samples: Sequence[Sample],
    out: str | Path,
    teacher: str | Path | keras.Model,
    config: TrainConfig = TrainConfig(),
    *,
    score: Score | None = None,
    joint_set: JointSet | None = None,
    resume: bool = False,
) -> Path:
    """Trains a student on ground truth and on a teacher's heatmaps (Eq. 5).

    With `config.teacher_cache` the teacher runs once, before training; what it said is
    kept beside the run folder in teacher-cache/, for other runs too.

    Args:
        samples: people to train on; those without labels are taught by the teacher.
        out: the run folder; must not exist unless resuming.
        teacher: a trained network or its .keras file.
        config: the student's network, recipe and data settings.
        score, joint_set, resume: as for `train`.

    Returns:
        The run folder, student.keras in it.

    Raises:
        InputError, GateError: as for `train`; or the teacher gives other joints or
            takes another size of image.
    """
    optimizer = make_optimizer(config, _steps(samples, config))
    network = _new_network(config, samples)
    trained = with_precision(network, config.precision)
    if isinstance(teacher, keras.Model):
        source = teacher.name
    else:
        source, teacher = str(teacher), load_network(teacher)
    check_teacher(teacher, network, source)
    description = describe_run("distill", source, config, samples)
    if config.teacher_cache:
        repeat = _compile_on_targets(trained, optimizer)
        run = _Run(network, trained, trained, config, samples, joint_set)
        run.learn_from_cache(teacher, repeat)
        return run.fit(Path(out), description, score, resume)
    distiller = Distiller(
        teacher=with_precision(teacher, config.precision),
        student=trained,
        distillation_weight=config.distillation_weight,
        distance=DISTANCES[config.distillation_distance],
    )
    distiller.compile(optimizer, jit_compile=False)
    run = _Run(network, trained, distiller, config, samples, joint_set)
    return run.fit(Path(out), description, score, resume)


@dataclasses.dataclass
class _Run:
    network: keras.Model
    trained: keras.Model
    fitted: keras.Model
    config: TrainConfig
    samples: Sequence[Sample]
    joint_set: JointSet | None
    prepare: Callable | None = None
    cache: Callable[[Path], SoftHeatmaps] | None = None

    def learn_from_cache(self, teacher, repeat):
        """Turns batches into targets that hold both truth and teacher."""
        distance, weight = (
            self.config.distillation_distance,
            self.config.distillation_weight,
        )
        if distance != "mse":
            expected = "mse with teacher_cache"
            raise InputError("config", "distillation_distance", expected, distance)

        def prepare(images, heatmaps, joint_weights, soft_heatmaps):
            targets = collapsed_target(heatmaps, joint_weights, soft_heatmaps, weight)
            return repeat(images, *targets)

        def cache(folder):
            size = self.config.data.input_size
            return cache_teacher(teacher, self.samples, size, folder)

        self.prepare, self.cache = prepare, cache

    def fit(self, out: Path, description, score: Score | None, resume: bool) -> Path:
        with _sole_use(out, resume):
            state = restore(
                out, description, self.trained, self.fitted.optimizer, resume
            )
            soft_heatmaps = self.cache(out.parent / CACHE) if self.cache else None
            self.fitted.fit(
                self._epochs(state.epoch, soft_heatmaps),
                initial_epoch=state.epoch,
                epochs=self.config.epochs,
                steps_per_epoch=_steps(self.samples, self.config),
                callbacks=[self._checkpoint(out, state, score)],
                shuffle=False,
                verbose=1 if sys.stdout.isatty() else 2,
            )
        return out

    def _checkpoint(self, out, state, score):
        every = self.config.score_every
        return RunCheckpoint(out, state, self.network, self.trained, score, every)

    def _epochs(self, first_epoch, soft_heatmaps):
        dataset = make_dataset(
            self.samples,
            self.config.data,
            training=True,
            joint_set=self.joint_set,
            first_epoch=first_epoch,
            soft_heatmaps=soft_heatmaps,
        )
        return dataset.map(self.prepare) if self.prepare else dataset


def _compile_on_targets(network, optimizer):
    """Compiles each stack on Eq. 3, and gives what makes a batch its targets."""
    network.compile(
        optimizer, loss=[joints_mse] * len(network.outputs), jit_compile=False
    )
    return _repeat_targets(len(network.outputs))


def _new_network(config, samples):
    keras.utils.set_random_seed(config.data.seed)
    of_data = {
        "num_joints": len(samples[0].joints),
        "input_size": config.data.input_size,
    }
    for name in of_data.keys() & config.model.keys():
        expected = f"{of_data[name]}, as the data have it"
        raise InputError("config.model", name, expected, config.model[name])
    network = build_model(config.preset, **of_data, **config.model)
    if config.start_from:
        _copy_weights(config.start_from, network)
    return network


def _copy_weights(path, network):
    started = load_network(path)
    shapes = [
        [weight.shape for weight in model.weights] for model in (network, started)
    ]
    if shapes[0] != shapes[1]:
        raise InputError(path, "", f"the weights of {network.name}", started.name)
    network.set_weights(started.get_weights())


def _steps(samples, config):
    steps = len(samples) // config.data.batch_size
    if not steps:
        expected = f"at least one batch of {config.data.batch_size}"
        raise InputError("samples", "", expected, len(samples))
    return steps


def _repeat_targets(num_stacks):
    """Hands each stack of a network its own copy of the truth, as `fit` wants it."""

    def repeat(images, heatmaps, joint_weights):
        return images, (heatmaps,) * num_stacks, (joint_weights,) * num_stacks

    return repeat


@contextmanager
def _sole_use(out: Path, resume: bool):
    """Makes or reopens a run folder and holds it against a second run."""
    if out.exists() and not resume:
        raise InputError(out, "", "a new folder, or --resume", "it exists")
    if resume and not (out / "config.json").is_file():
        raise InputError(out, "config.json", "a run to resume", "no such file")
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(out, "", "a folder of its own", "another run's") from error
        yield
