"""The step that a run takes, timed: what `fpd train` and `fpd distill` fit."""

import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fpd_tf.data.people import Sample
from fpd_tf.training.recipes import TrainConfig
from fpd_tf.training.run import _Run

JOINTS = 16


class Clock(keras.callbacks.Callback):
    """When each step of `fit` ended."""

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())


def run_in_memory(config: TrainConfig, teacher: keras.Model | None = None):
    """A run without photographs, and the endless batch to fit it on.

    Args:
        config: with `teacher_cache`, a fourth part of the batch stands for the cache.
        teacher: to distil from; none for ground truth alone.
    """
    run = _Run(config, nobodies(config.data.batch_size), None, devices=1)
    batch = random_batch(config.data.input_size, config.data.batch_size)
    if teacher and config.teacher_cache:
        run.learn_from_cache(teacher)
    else:
        run.learn_from_teacher(teacher) if teacher else run.learn_from_truth()
        batch = batch[:3]
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    return run, dataset.map(run.prepare) if run.prepare else dataset


def step_rate(run, dataset, steps: int) -> float:
    """Images a second over so many steps, after one that does not count."""
    clock = Clock()
    given = {"steps_per_epoch": steps + 1, "callbacks": [clock], "verbose": 0}
    run.fitted.fit(dataset, shuffle=False, **given)
    took = clock.ends[-1] - clock.ends[0]
    return run.config.data.batch_size * steps / took


def random_batch(size: int, count: int) -> tuple[np.ndarray, ...]:
    """Images, heatmaps, joint weights and soft heatmaps, (B, ...) float32."""
    generator = np.random.default_rng(0)
    images, maps = (count, size, size, 3), (count, size // 4, size // 4, JOINTS)
    weights = np.ones((count, JOINTS), np.float32)
    drawn = [generator.random(shape, np.float32) for shape in (images, maps, maps)]
    return drawn[0], drawn[1], weights, drawn[2]


def nobodies(count: int) -> list[Sample]:
    """People without photographs, for what only counts them and their joints."""
    joints, known = np.zeros((JOINTS, 2), np.float32), np.ones(JOINTS, bool)
    person = Sample(Path(), joints, known, known, np.zeros(2, np.float32), 1.0, 1.0)
    return [person] * count
