"""The step that a run takes, timed: what `fpd train` and `fpd distill` fit."""

import time

import keras
import numpy as np
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.training.build import compiled_distiller
from fpd_tf.training.distiller import Distiller
from fpd_tf.training.recipes import TrainConfig

JOINTS = 16


class Clock(keras.callbacks.Callback):
    """When each step of `fit` ended."""

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())


def run_in_memory(
    config: TrainConfig, teacher: keras.Model | None = None
) -> tuple[Distiller, tf.data.Dataset]:
    """What a run fits, and an endless batch to fit it on in place of photographs.

    Args:
        config: with `teacher_cache`, a fourth part of the batch stands for the cache.
        teacher: to distil from; none for ground truth alone.
    """
    size, count = config.data.input_size, config.data.batch_size
    network = fpd.build_model(config.preset, input_size=size, **config.model)
    batch = random_batch(size, count)
    if not (teacher and config.teacher_cache):
        batch = batch[:3]
    in_step = None if config.teacher_cache else teacher
    distiller = compiled_distiller(network, config, 1000, teacher=in_step)
    return distiller, tf.data.Dataset.from_tensors(batch).repeat()


def step_rate(distiller: Distiller, dataset: tf.data.Dataset, steps: int) -> float:
    """Images a second over so many steps, after one that does not count."""
    clock = Clock()
    given = {"steps_per_epoch": steps + 1, "callbacks": [clock], "verbose": 0}
    distiller.fit(dataset, shuffle=False, **given)
    took = clock.ends[-1] - clock.ends[0]
    return dataset.element_spec[0].shape[0] * steps / took


def random_batch(size: int, count: int) -> tuple:
    """Images, heatmaps, joint weights and what a teacher said, (B, ...) float32."""
    generator = np.random.default_rng(0)
    images, maps = (count, size, size, 3), (count, size // 4, size // 4, JOINTS)
    weights = np.ones((count, JOINTS), np.float32)
    drawn = [generator.random(shape, np.float32) for shape in (images, maps, maps)]
    return drawn[0], drawn[1], weights, (drawn[2], weights)
