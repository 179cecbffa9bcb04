"""The devices of a run: one, several of a machine, or those of several machines.

TensorFlow's strategies do the work. Under TF_CONFIG every machine runs the same
command; the first is the chief, the only one that scores and writes the run folder.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
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
    """What TF_CONFIG says of this machine; alone where it says nothing.

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


def strategy_of(devices: int) -> tf.distribute.Strategy:
    """TensorFlow's strategy to train on that many devices of each machine.

    Args:
        devices: GPUs; virtual CPU devices (for trials) where there is no GPU. One
            device of one machine gives the default strategy, which changes nothing.

    Raises:
        InputError: there are fewer devices, TensorFlow has begun with fewer, or the
            machines of TF_CONFIG do not come together.
    """
    gpus = tf.config.list_physical_devices("GPU")
    machine = this_machine()
    if devices < 1:
        raise InputError("devices", "", "at least 1", devices)
    if (gpus or machine.count > 1) and devices > max(len(gpus), 1):
        expected = f"at most {max(len(gpus), 1)}, which is what this machine has"
        raise InputError("devices", "", expected, devices)
    if machine.count > 1:
        return _of_several_machines(machine, devices)
    if devices == 1:
        return tf.distribute.get_strategy()
    return _of_this_machine("GPU" if gpus else "CPU", devices)


def in_turn(strategy: tf.distribute.Strategy, action: Callable[[], Result]) -> Result:
    """Does something on one machine after another, so that they may share one disk."""
    machine = this_machine()
    if machine.count == 1:
        return action()

    @tf.function
    def meet():
        ones = strategy.run(tf.ones, args=([],))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, ones, axis=None)

    for index in range(machine.count):
        if index == machine.index:
            result = action()
        meet()
    return result


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
        expected = "machines that find each other before TensorFlow runs anything"
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
            expected = f"at most {found}, with which TensorFlow has begun"
            raise InputError("devices", "", expected, devices) from error
