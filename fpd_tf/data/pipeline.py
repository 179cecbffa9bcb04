"""Samples to tf.data: decode what a crop shows, crop, augment and encode.

N people, B batch, S input size, H = W = S / 4, K joints.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from fpd_tf.codec import STRIDE, Heatmaps
from fpd_tf.data.images import check_images, read_image
from fpd_tf.data.packed import REACH, packed_pixels
from fpd_tf.data.people import People, checked_people
from fpd_tf.data.photograph import photograph
from fpd_tf.data.python_in_graph import numpy_in_graph
from fpd_tf.data.teacher_heatmaps import SoftHeatmaps
from fpd_tf.errors import InputError
from fpd_tf.geometry import (
    crop_matrix_in_graph,
    invert_in_graph,
    warp,
)

logger = logging.getLogger("fpd_tf")

_NOT_PACKED = (-1, 0, 0, 0, 0)
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """How samples become tensors; augmentation as in the paper's section 4.1.

    Args:
        input_size: S, pixels.
        sigma: of the heatmap Gaussians, in heatmap pixels (`encode_heatmaps` says what
            the paper's lineage used).
        batch_size: B.
        scale: smallest and largest random factor on the person's box.
        rotation: largest random angle, degrees either way.
        flip: chance of mirroring.
        color: largest relative change of each colour channel; the paper has none.
        seed: of order and augmentation.
    """

    input_size: Annotated[int, Field(ge=32, multiple_of=STRIDE)] = 256
    sigma: Positive = 2.0
    batch_size: Annotated[int, Field(gt=0)] = 4
    scale: tuple[Positive, Positive] = (0.75, 1.25)
    rotation: Annotated[float, Field(ge=0, le=180)] = 30.0
    flip: Annotated[float, Field(ge=0, le=1)] = 0.5
    color: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0


def make_dataset(
    people: People,
    config: DataConfig = DataConfig(),
    training: bool = False,
    *,
    first_epoch: int | None = None,
    soft_heatmaps: SoftHeatmaps | None = None,
    shared: bool = False,
) -> tf.data.Dataset:
    """Batches of `(images, heatmaps, joint_weights)`.

    Shapes: (B, S, S, 3) float32 RGB in [0, 1], (B, H, W, K) float32 of peak 1, and
    (B, K) float32, 0 where a joint is not annotated or falls outside the crop.

    Args:
        people: their joint set says whose left and right swap under mirroring.
        config: sizes, augmentation and seed.
        training: shuffle and augment, anew in each pass, and drop the last partial
            batch; else keep order and every sample. The passes also follow from
            TensorFlow's global seed; the stream of `first_epoch` does not.
        first_epoch: with training, give an endless stream of epochs from that one on
            (what a resumed run needs) in place of a single pass.
        soft_heatmaps: with training, a teacher's heatmaps of these people, given as a
            fourth part (B, H, W, K) of each batch, augmented like the photographs.
        shared: with training, for tf.distribute alone: each machine reads its part of
            each batch (AutoShardPolicy.HINT).

    Raises:
        InputError: no people, fewer than one batch to train on, or an augmentation
            that shows more of the photographs than was packed.

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
    if training and any(person.packed for person in people):
        _check_reach(config)
    columns, flip_order = _columns(people), people.joint_set.flip_order
    if training:
        _warn_of_sides(people.joint_set, config)
        crops = _training_crops(columns, flip_order, config, first_epoch)
        if shared:
            hint = tf.data.experimental.SHARD_HINT
            crops = crops.shard(hint, hint)
    else:
        upright = _no_augmentation(len(people))
        crops = _crops(columns, flip_order, config, *upright)
        crops = tf.data.Dataset.from_tensor_slices(crops)

    def cropped(crop):
        image = _cropped(crop, config.input_size)
        parts = image, crop["gains"], crop["joints"], crop["annotated"]
        if soft_heatmaps is None:
            return parts
        box = crop["center"], crop["side"], crop["matrix"], crop["mirror"]
        return *parts, soft_heatmaps.in_graph(crop["index"], *box)

    elements = crops.map(cropped, num_parallel_calls=tf.data.AUTOTUNE)
    batches = elements.batch(config.batch_size, drop_remainder=training)
    batches = batches.map(partial(_finished, config), tf.data.AUTOTUNE)
    if not training:
        batches = batches.with_options(_without_autotune())
    return batches.prefetch(tf.data.AUTOTUNE if training else 2)


def _without_autotune():
    """For who takes batches more slowly than they are read, as scoring does.

    While autotune waits, the network often runs on one core alone: of two, two passes
    of 32 crops took 2.1 s or 1.2 s with it, by chance, and 1.2 s always without.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


@contextmanager
def broken_files_named(
    people: People, soft_heatmaps: SoftHeatmaps | None = None
) -> Iterator[None]:
    """Says which file it was where a dataset of these people fails half way.

    Args:
        people: as for `make_dataset`.
        soft_heatmaps: likewise.

    Raises:
        InputError: a photograph vanished, broke, or is none that TensorFlow decodes;
            where all files are well, TensorFlow's error goes on.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.pipeline import broken_files_named
        >>> people = fpd.load_mpii(fpd.synthesize("others", count=12), split="val")
        >>> people[1].image_path.unlink()
        >>> with broken_files_named(people):
        ...     images, _, _ = next(iter(fpd.make_dataset(people)))
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: others/images/...jpg: expected a whole photograph...
    """
    try:
        yield
    except tf.errors.OpError:
        check_images(people)
        if soft_heatmaps:
            for index in range(len(people)):
                read_image(soft_heatmaps.path(index))
        with ThreadPoolExecutor() as pool:
            paths = {each.image_path for each in people if not each.packed}
            for _ in pool.map(photograph, paths):
                pass
        raise


def _check_reach(config):
    """Refuses crops that show more than was packed."""
    turned = np.deg2rad(min(config.rotation, 45))
    reach = config.scale[1] * (np.cos(turned) + np.sin(turned))
    if reach > REACH + 1e-6:
        expected = f"packed people's crops no wider than {REACH:.2f} boxes, turned"
        raise InputError("config.data", "scale, rotation", expected, f"{reach:.2f}")


def _warn_of_sides(joint_set, config):
    """Mirroring swaps only what is declared: names with sides and no pair are odd."""
    paired = {joint for pair in joint_set.flip_pairs for joint in pair}
    sided = [
        name
        for joint, name in enumerate(joint_set.joints)
        if name.startswith(("left", "right")) and joint not in paired
    ]
    if config.flip and sided:
        logger.warning(
            "joint set %s: %s in no flip pair, so mirroring takes left for right; "
            "declare flip_pairs, or set flip=0",
            joint_set.name,
            ", ".join(sided),
        )


def _columns(people):
    return {
        "index": tf.range(len(people)),
        "path": tf.constant([str(person.image_path) for person in people]),
        "packed": tf.constant([p.packed or _NOT_PACKED for p in people], tf.int64),
        "joints": tf.constant(people.joints),
        "annotated": tf.constant(people.annotated),
        "center": tf.constant([(box.x, box.y) for box in people.boxes], tf.float32),
        "side": tf.constant([box.side for box in people.boxes], tf.float32),
    }


def _training_crops(people, flip_order, config, first_epoch):
    """`_crops` of whole batches, epoch after epoch; all follows from seed and epoch."""
    count = len(people["path"])
    usable = count - count % config.batch_size

    def one_epoch(epoch):
        key = tf.stack([tf.constant(config.seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=key)
        shuffled = {
            name: tf.gather(column, order[:usable]) for name, column in people.items()
        }
        drawn = _draw_augmentation(config, usable, key)
        crops = _crops(shuffled, flip_order, config, *drawn)
        return tf.data.Dataset.from_tensor_slices(crops)

    if first_epoch is not None:
        return tf.data.Dataset.counter(first_epoch).flat_map(one_epoch)
    epoch = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=True).take(1)
    return epoch.flat_map(one_epoch).apply(
        tf.data.experimental.assert_cardinality(usable)
    )


def _draw_augmentation(config, count, key):
    """Random scale factors, angles, mirroring (N,) and colour gains (N, 3)."""
    seed = tf.random.experimental.stateless_fold_in(key, 0)
    chances = tf.random.stateless_uniform([6, count], seed)
    low, high = config.scale
    factors = low + (high - low) * chances[0]
    rotations = config.rotation * (2 * chances[1] - 1)
    gains = 1 + config.color * (2 * chances[3:] - 1)
    return factors, rotations, chances[2] < config.flip, tf.transpose(gains)


def _no_augmentation(count):
    return tf.ones(count), tf.zeros(count), tf.zeros(count, bool), tf.ones((count, 3))


def _crops(people, flip_order, config, factors, rotations, mirror, gains):
    """What is to be made of each person: columns of N rows.

    Everybody at once, since dozens of small operations for each person would cost as
    much as the photograph.
    """
    sides = people["side"] * factors
    box = people["center"], sides, rotations, mirror
    matrix = crop_matrix_in_graph(*box, config.input_size)
    joints = tf.linalg.matmul(people["joints"], matrix[:, :, :2], transpose_b=True)
    joints += matrix[:, None, :, 2]

    def swapped(columns):
        which = tf.reshape(mirror, [-1] + [1] * (len(columns.shape) - 1))
        return tf.where(which, tf.gather(columns, flip_order, axis=1), columns)

    return people | {
        "matrix": matrix,
        "window": _windows(matrix, config.input_size),
        "mirror": mirror,
        "gains": gains,
        "joints": swapped(joints),
        "annotated": swapped(people["annotated"]),
    }


def _windows(matrix, size):
    """(N, 4) rows y, x from, y, x to: the photographs' pixels that crops can show.

    One more at each side than the neighbours that are blended: a JPEG's outermost
    columns are not those of the whole where chroma is stored at a lower resolution.
    """
    last = size - 1.0
    corners = tf.constant([[0.0, last, 0.0, last], [0.0, 0.0, last, last]])
    back = invert_in_graph(matrix)
    places = tf.linalg.matmul(back[:, :, :2], corners[None]) + back[:, :, 2:]
    low = tf.floor(tf.reduce_min(places, axis=2)) - 1
    high = tf.floor(tf.reduce_max(places, axis=2)) + 3
    return tf.cast(tf.concat([low[:, ::-1], high[:, ::-1]], axis=1), tf.int32)


def _cropped(crop, size):
    """(S, S, 3) uint8, by OpenCV: TensorFlow's transform takes six times as long."""
    path, packed = crop["path"], crop["packed"]
    place = crop["window"], crop["matrix"]

    def of_photograph():
        pixels, corner = _pixels(tf.io.read_file(path), crop["window"])
        run = partial(warp, size=size)
        return numpy_in_graph(run, [pixels, corner, *place], tf.uint8)

    def of_shard():
        def run(path, packed, *place):
            return warp(packed_pixels(path, packed), packed[1:3], *place, size)

        return numpy_in_graph(run, [path, packed, *place], tf.uint8)

    image = tf.cond(packed[0] < 0, of_photograph, of_shard)
    return tf.ensure_shape(image, [size, size, 3])


def _pixels(content, window):
    """Pixels and where they start: of a JPEG no more than the window is decoded."""

    def part():
        extent = tf.io.extract_jpeg_shape(content)[:2]
        low = tf.clip_by_value(window[:2], 0, extent - 1)
        high = tf.clip_by_value(window[2:], low + 1, extent)
        inside = tf.concat([low, high - low], axis=0)
        return tf.image.decode_and_crop_jpeg(content, inside, channels=3), low

    def whole():
        pixels = tf.io.decode_image(content, channels=3, expand_animations=False)
        return pixels, tf.zeros(2, tf.int32)

    return tf.cond(tf.io.is_jpeg(content), part, whole)


def _finished(config, images, gains, joints, annotated, *soft_heatmaps):
    """A batch as the network wants it."""
    size, codec = config.input_size, Heatmaps(config.input_size, sigma=config.sigma)
    rows = tf.cast(tf.reshape(images, [-1, size, size * 3]), tf.float32)
    rows *= tf.tile(gains / 255, [1, size])[:, None]
    images = tf.reshape(tf.minimum(rows, 1.0), [-1, size, size, 3])
    heatmaps, weights = codec.encode_in_graph(joints, annotated)
    return images, heatmaps, weights, *soft_heatmaps
