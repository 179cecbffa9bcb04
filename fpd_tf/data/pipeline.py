"""People to batches: photographs are cropped, augmented and encoded.

N people, B batch, S input size, H = W = S / 4, K joints. NumPy plans an epoch
(`data.epoch`), OpenCV decodes and warps its photographs, and tf.data runs that on all
cores and ahead of training.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Annotated, Protocol

import cv2
import numpy as np
import tensorflow as tf
from pydantic import AfterValidator, Field

from fpd_tf.codec import STRIDE, Heatmaps
from fpd_tf.data.buffers import Buffers
from fpd_tf.data.epoch import (
    Crops,
    labelled_in_batch,
    training_crops,
    upright_crops,
)
from fpd_tf.data.packed import REACH
from fpd_tf.data.people import People, checked_people
from fpd_tf.data.python_in_graph import numpy_in_graph, refusal_behind
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joint_names import side_of
from fpd_tf.settings import validated

logger = logging.getLogger("fpd_tf")

Positive = Annotated[float, Field(gt=0)]


def _ascending(pair):
    if pair[0] > pair[1]:
        raise ValueError("the smaller factor first")
    return pair


@validated
class DataConfig:
    """Input size, heatmaps and augmentation (the paper's section 4.1).

    Args:
        input_size: S, pixels.
        sigma: of the heatmap Gaussians, in heatmap pixels (`codec.Heatmaps` lists those
            of related code).
        batch_size: B.
        unlabelled_share: of each batch, if there are photographs without labels.
        scale: smallest and largest random factor on the person's box.
        rotation: largest random angle, degrees either way.
        flip: chance of mirroring.
        color: largest relative change of each colour channel; the paper has none.
        seed: of order and augmentation.

    Raises:
        InputError: an unknown field, or a value out of range.
    """

    input_size: Annotated[int, Field(ge=32, multiple_of=STRIDE)] = 256
    sigma: Positive = 2.0
    batch_size: Annotated[int, Field(gt=0)] = 4
    unlabelled_share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    scale: Annotated[tuple[Positive, Positive], AfterValidator(_ascending)] = (
        0.75,
        1.25,
    )
    rotation: Annotated[float, Field(ge=0, le=180)] = 30.0
    flip: Annotated[float, Field(ge=0, le=1)] = 0.5
    color: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0


class Teacher(Protocol):
    """Cached predictions of a teacher: TeacherHeatmaps or TeacherJoints."""

    def for_crop(
        self, index: int, box: Box, matrix: np.ndarray, mirrored: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Its heatmaps (H, W, K) and their weights (K,) for a training crop, float32.

        Args:
            index: of the person.
            box: the person's, as it was when the teacher ran.
            matrix: (2, 3) from the photograph to the training crop, mirrored where so.
            mirrored: whether the training crop is.
        """


def make_dataset(
    people: People,
    config: DataConfig = DataConfig(),
    training: bool = False,
    *,
    first_epoch: int | None = None,
    teacher: Teacher | None = None,
    shared: bool = False,
    labelled: int | None = None,
) -> tf.data.Dataset:
    """Batches of `(images, heatmaps, joint_weights)`.

    Shapes: (B, S, S, 3) float32 RGB in [0, 1], (B, H, W, K) float32 of peak 1, and
    (B, K) float32, 0 where a joint is not annotated or falls outside the crop.

    Args:
        people: their joint set names the joints that swap under mirroring.
        config: sizes, augmentation and seed.
        training: shuffle and augment, anew in each pass, and drop the last partial
            batch; else keep order and every sample. The passes also follow from
            TensorFlow's global seed; the stream of `first_epoch` does not.
        first_epoch: with training, give an endless stream of epochs from that one on
            (what a resumed run needs) in place of a single pass.
        teacher: with training, cached predictions for these people, added as a fourth
            element of each batch: its heatmaps (B, H, W, K), augmented like the
            photographs, and their weights (B, K).
        shared: with training, for tf.distribute alone: each machine reads its part of
            each batch (AutoShardPolicy.HINT).
        labelled: with training, the first so many people make an epoch; the others
            fill config.unlabelled_share of each batch. None for all.

    Raises:
        InputError: no people, fewer than one batch to train on, nobody beside the
            labelled, or an augmentation that shows more of the photographs than was
            packed.

    Example:
        >>> import fpd_tf as fpd
        >>> root = fpd.synthesize("people", count=12, seed=0)
        >>> people = fpd.load_mpii(root, split="train")
        >>> config = fpd.DataConfig(input_size=64, batch_size=2)
        >>> images, heatmaps, weights = next(iter(fpd.make_dataset(people, config)))
        >>> images.shape, heatmaps.shape
        (TensorShape([2, 64, 64, 3]), TensorShape([2, 16, 16, 16]))
    """
    people = checked_people(people)
    if len(people) < (config.batch_size if training else 1):
        expected = f"at least one batch of {config.batch_size} people"
        raise InputError("people", "", expected, len(people))
    if training:
        how = first_epoch, teacher, shared, labelled
        return _training_stream(people, config, *how)
    return _scoring_pass(people, config)


def _training_stream(people, config, first_epoch, teacher, shared, labelled):
    if any(person.packed for person in people):
        _check_reach(config)
    _warn_of_sides(people.joint_set, config)
    counted = len(people), config.batch_size
    if labelled is not None:
        counted = labelled, labelled_in_batch(config)
        _check_labelled(labelled, counted[1], len(people))
    usable = counted[0] // counted[1] * config.batch_size

    def places(epoch):
        rows = tf.range(usable, dtype=tf.int64)
        places = tf.stack([tf.fill([usable], epoch), rows], axis=1)
        return tf.data.Dataset.from_tensor_slices(places)

    if first_epoch is not None:
        places = tf.data.Dataset.counter(first_epoch).flat_map(places)
    else:
        anew = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=True)
        known = tf.data.experimental.assert_cardinality(usable)
        places = anew.take(1).flat_map(places).apply(known)
    if shared:
        hint = tf.data.experimental.SHARD_HINT
        places = places.shard(hint, hint)
    batches = places.batch(config.batch_size, drop_remainder=True)
    planned = partial(training_crops, people, config, labelled=labelled)
    plan = lru_cache(maxsize=3)(planned)
    batches = _rendered(batches, people, config, plan, teacher, reduced=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def _check_labelled(labelled, in_batch, people):
    if not in_batch <= labelled < people:
        expected = f"{in_batch}, those of a batch, or more, but not all {people} people"
        raise InputError("labelled", "", expected, labelled)


def _scoring_pass(people, config):
    """Autotune is off: scoring takes batches more slowly than they are read.

    While it waits, the network often runs on one core alone: of two, two passes of 32
    crops took 2.1 s or 1.2 s with it, by chance, and 1.2 s always without.
    """
    places = np.stack([np.zeros(len(people), int), np.arange(len(people))], axis=1)
    batches = tf.data.Dataset.from_tensor_slices(places).batch(config.batch_size)
    crops = upright_crops(people, config)
    batches = _rendered(batches, people, config, lambda epoch: crops)
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options).prefetch(2)


def _rendered(batches, people, config, plan, teacher=None, reduced=False):
    """Turns batches of (epoch, row of its plan) into what a network takes."""
    run = partial(_batch, people, config, plan, teacher, reduced, Buffers())
    size, joints = config.input_size, people.joint_set.num_joints
    maps = (size // STRIDE, size // STRIDE, joints), (joints,)
    shapes = [(size, size, 3), *maps, *(maps if teacher else ())]

    def render(places):
        parts = numpy_in_graph(run, [places], [tf.float32] * len(shapes))
        images, heatmaps, weights, *taught = (
            tf.ensure_shape(part, (places.shape[0], *shape))
            for part, shape in zip(parts, shapes, strict=True)
        )
        batch = images, heatmaps, weights
        return (*batch, tuple(taught)) if teacher else batch

    return batches.map(render, num_parallel_calls=tf.data.AUTOTUNE)


def _batch(
    people: People,
    config: DataConfig,
    plan: Callable[[int], Crops],
    teacher: Teacher | None,
    reduced: bool,
    buffers: Buffers,
    places: np.ndarray,
) -> list[np.ndarray]:
    """Images, heatmaps, weights, and the teacher's predictions, of B places."""
    size = config.input_size
    crops = [plan(epoch).row(row) for epoch, row in places.tolist()]
    indices, matrices, windows, mirrored, gains, joints, annotated = zip(
        *crops, strict=True
    )
    persons = [people[int(index)] for index in indices]
    images = buffers.take((len(places), size, size, 3), np.float32)
    for person, into, matrix, window, gain in zip(
        persons, images, matrices, windows, gains, strict=True
    ):
        levels = person.image.crop(matrix, size, window=window, reduced=reduced)
        _color(levels, gain, into)
    codec = Heatmaps(size, sigma=config.sigma)
    heatmaps = buffers.take(
        (len(places), codec.size, codec.size, len(joints[0])), np.float32
    )
    parts = [images, *codec.encode(np.array(joints), annotated, heatmaps)]
    if teacher:
        boxes = [person.box for person in persons]
        predicted = map(teacher.for_crop, indices, boxes, matrices, mirrored)
        for part in zip(*predicted, strict=True):
            into = buffers.take((len(places), *part[0].shape), np.float32)
            parts.append(np.stack(part, out=into))
    return parts


def _color(levels, gain, into):
    """Levels times the gain (3,) of their channel, in [0, 1], by a table of the 256."""
    table = np.arange(256, dtype=np.float32)[:, None] * (gain / 255)
    cv2.LUT(levels, np.minimum(table, 1)[None], into)


@contextmanager
def broken_files_named() -> Iterator[None]:
    """Names the file if a dataset fails on one.

    Raises:
        InputError: a photograph is missing or broken; if all files are good,
            TensorFlow's error is raised.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.pipeline import broken_files_named
        >>> people = fpd.load_mpii(fpd.synthesize("others", count=12), split="val")
        >>> people[1].image_path.unlink()
        >>> with broken_files_named():
        ...     images, _, _ = next(iter(fpd.make_dataset(people)))
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: others/images/...jpg: expected a whole photograph...
    """
    try:
        yield
    except tf.errors.OpError as error:
        refusal = refusal_behind(error)
        if refusal:
            raise refusal from None
        raise


def _check_reach(config):
    """Refuses crops that show more than was packed."""
    turned = np.deg2rad(min(config.rotation, 45))
    reach = config.scale[1] * (np.cos(turned) + np.sin(turned))
    if reach > REACH + 1e-6:
        sentence = (
            f"a rotated crop is up to {reach:.2f} times as wide as the box, but people "
            f"were packed {REACH:.2f} wide; use less of both, or the photographs"
        )
        raise InputError.plain("config.data", "scale, rotation", sentence)


def _warn_of_sides(joint_set, config):
    """Warns of left and right joints in no flip pair: mirroring would not swap them."""
    paired = {joint for pair in joint_set.flip_pairs for joint in pair}
    sided = [
        name
        for joint, name in enumerate(joint_set.joints)
        if side_of(name) and joint not in paired
    ]
    if config.flip and joint_set.is_numbered and not paired:
        logger.warning(
            "joint set %s: the joints have no names and no flip pairs, so mirroring "
            "swaps none; declare flip_pairs, or set flip=0",
            joint_set.name,
        )
    if config.flip and sided:
        logger.warning(
            "joint set %s: %s in no flip pair, so mirroring takes left for right; "
            "declare flip_pairs, or set flip=0",
            joint_set.name,
            ", ".join(sided),
        )
