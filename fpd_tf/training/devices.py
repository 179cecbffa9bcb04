"""The devices of a run: one, several of a machine, or those of several machines.

They use TensorFlow's strategies. With TF_CONFIG every machine runs the same command;
the first is the chief, the only one that scores and writes the run folder.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import tensorflow as tf
from rich.console import Console

from fpd_tf.errors import InputError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Machine:
    """Which machine this is, and of how many; 0 is the chief."""

    index: int
    count: int


def this_machine() -> Machine:
    """This machine's place in TF_CONFIG; one machine alone without it.

    Raises:
        InputError: TF_CONFIG is no cluster of workers, or this one is not among them.

    Example:
        >>> from fpd_tf.training.devices import this_machine
        >>> this_machine()
        Machine(index=0, count=1)
    """
    try:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        jobs = resolver.cluster_spec().as_dict()
        if not jobs:
            return Machine(0, 1)
        names = [(job, task) for job in sorted(jobs) for task in range(len(jobs[job]))]
        index = names.index((resolver.task_type, resolver.task_id))
        if not jobs.keys() <= {"chief", "worker"}:
            raise ValueError(f"jobs {sorted(jobs)}")
    except (ValueError, TypeError, AttributeError) as error:
        expected = "a cluster of workers (and a chief), and which of them this is"
        received = f"{os.environ['TF_CONFIG']} ({error})"
        raise InputError("TF_CONFIG", "", expected, received) from error
    return Machine(index, len(names))


@dataclass(frozen=True)
class Devices:
    """The devices that share each batch of a run, and its machines.

    Args:
        strategy: TensorFlow's.
        machine: this one.
    """

    strategy: tf.distribute.Strategy
    machine: Machine = Machine(0, 1)

    @property
    def replicas(self) -> int:
        """Number of devices, of all machines."""
        return self.strategy.num_replicas_in_sync

    @property
    def is_chief(self) -> bool:
        """Whether this machine scores and writes the run folder."""
        return self.machine.index == 0

    def steps(self, people: int, batch: int, counted: int | None = None) -> int:
        """Steps of an epoch.

        Args:
            people: of an epoch.
            batch: its size.
            counted: number of these people in a batch; None for all.

        Raises:
            InputError: the batch does not divide by the devices, or is not filled.
        """
        if batch % self.replicas:
            expected = f"a multiple of {self.replicas}, a part for each device"
            raise InputError("config.data", "batch_size", expected, batch)
        counted = counted or batch
        if people < counted:
            expected = f"at least one batch of {counted}, or a smaller data.batch_size"
            raise InputError("people", "", expected, people)
        return people // counted

    def in_turn(self, action: Callable[[], Result]) -> Result:
        """Runs something on one machine after another: they may share a disk."""
        if self.machine.count == 1:
            return action()

        @tf.function
        def meet():
            ones = self.strategy.run(tf.ones, args=([],))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, ones, axis=None)

        for index in range(self.machine.count):
            if index == self.machine.index:
                result = action()
            meet()
        return result

    def shared(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """The dataset, of which each machine reads its part."""
        if self.machine.count == 1:
            return dataset
        options = tf.data.Options()
        policy = tf.data.experimental.AutoShardPolicy.HINT
        options.experimental_distribute.auto_shard_policy = policy
        return dataset.with_options(options)

    @contextmanager
    def run_folder(self, out: Path, resume: bool) -> Iterator[Path]:
        """The chief's run folder; a temporary folder on the others."""
        if self.is_chief:
            yield out
            return
        with TemporaryDirectory() as aside:
            folder = Path(aside) / out.name
            if resume and out.exists():
                shutil.copytree(out, folder)
            yield folder

    @contextmanager
    def others_named(self) -> Iterator[None]:
        """Says so where it is another machine that stopped."""
        try:
            yield
        except tf.errors.OpError as error:
            if "Collective ops is aborted" not in error.message:
                raise
            error = error.with_traceback(None)  # which TensorFlow's threads hang on
            sentence = "another worker failed; see its log"
            raise InputError.plain("TF_CONFIG", "", sentence) from error


def devices_of(count: int) -> Devices:
    """The devices of a run: that many of each machine of TF_CONFIG.

    Raises:
        InputError: as `this_machine` and `strategy_of`.

    Example:
        >>> from fpd_tf.training.devices import devices_of
        >>> devices_of(1).replicas
        1
    """
    return Devices(strategy_of(count), this_machine())


def strategy_of(devices: int) -> tf.distribute.Strategy:
    """TensorFlow's strategy to train on that many devices of each machine.

    Args:
        devices: GPUs, or virtual CPU devices (for trials) without a GPU. One device of
            one machine gives the default strategy, which changes nothing.

    Raises:
        InputError: there are fewer devices, TensorFlow has started with fewer, or the
            machines of TF_CONFIG cannot connect.
    """
    gpus = tf.config.list_physical_devices("GPU")
    machine = this_machine()
    if devices < 1:
        raise InputError("devices", "", "at least 1", devices)
    if (gpus or machine.count > 1) and devices > max(len(gpus), 1):
        expected = f"at most {max(len(gpus), 1)}, the devices of this machine"
        raise InputError("devices", "", expected, devices)
    if machine.count > 1:
        return _of_several_machines(machine, devices)
    if devices == 1:
        return tf.distribute.get_strategy()
    return _of_this_machine("GPU" if gpus else "CPU", devices)


@cache  # two strategies in a process would take each other's messages for their own
def _of_this_machine(kind, devices):
    if kind == "CPU":
        _split_cpu(devices)
    names = [f"{kind}:{index}" for index in range(devices)]
    return tf.distribute.MirroredStrategy(names)


@cache
def _of_several_machines(machine, devices):
    place = f"machine {machine.index + 1} of {machine.count}"
    Console(stderr=True).print(f"{place}: waiting for all of them")
    gpus = tf.config.list_physical_devices("GPU")
    try:
        tf.config.set_visible_devices(gpus[:devices], "GPU")
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError) as error:
        expected = "machines that connect before TensorFlow runs an operation"
        raise InputError("TF_CONFIG", "", expected, error) from error


def _split_cpu(devices):
    """Makes virtual devices of the CPU, where TensorFlow has not begun without them."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    try:
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError as error:
        found = len(tf.config.list_logical_devices("CPU"))
        if found < devices:
            expected = f"at most {found}, the devices TensorFlow has started with"
            raise InputError("devices", "", expected, devices) from error


def clipped_as_one(gradients: list, optimizer) -> list:
    """Each replica's part of the clipped sum, where the optimizer clips.

    The optimizer would clip each replica's gradients and sum what is left.
    """
    replica = tf.distribute.get_replica_context()
    clips = optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm
    if replica.num_replicas_in_sync == 1 or not any(clips):
        return gradients
    summed = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    clipped = optimizer._clip_gradients(summed)
    return [gradient / replica.num_replicas_in_sync for gradient in clipped]


def reducible(logs: dict) -> dict:
    """Logs with an axis where several machines train: Keras averages along it."""
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1 or replicas == len(strategy.extended.worker_devices):
        return logs
    return {name: value[None] for name, value in logs.items()}
