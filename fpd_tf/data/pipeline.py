"""Samples to tf.data: decode, crop, augment and encode, all in graph.

B batch, S input size, H = W = S / 4, K joints.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from fpd_tf.data.heatmaps import STRIDE, encode_heatmaps_in_graph
from fpd_tf.data.joints import JointSet, Sample, joint_set_of
from fpd_tf.data.soft_heatmaps import SoftHeatmaps
from fpd_tf.data.transforms import crop_matrix_in_graph, warp_in_graph
from fpd_tf.errors import InputError

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
    samples: Sequence[Sample],
    config: DataConfig = DataConfig(),
    training: bool = False,
    *,
    joint_set: JointSet | None = None,
    first_epoch: int | None = None,
    soft_heatmaps: SoftHeatmaps | None = None,
) -> tf.data.Dataset:
    """Batches of `(images, heatmaps, joint_weights)`.

    Shapes: (B, S, S, 3) float32 RGB in [0, 1], (B, H, W, K) float32 of peak 1, and
    (B, K) float32, 0 where a joint is not annotated or falls outside the crop.

    Args:
        samples: people, all with the same joints.
        config: sizes, augmentation and seed.
        training: shuffle and augment, anew in each pass, and drop the last partial
            batch; else keep order and every sample. The passes also follow from
            TensorFlow's global seed; the stream of `first_epoch` does not.
        joint_set: whose left and right swap under mirroring; by the number of joints
            where None.
        first_epoch: with training, give an endless stream of epochs from that one on
            (what a resumed run needs) in place of a single pass.
        soft_heatmaps: with training, a teacher's heatmaps of these samples, given as a
            fourth part (B, H, W, K) of each batch, augmented like the photographs.

    Raises:
        InputError: no samples, or fewer than one batch to train on.

    Example:
        >>> import fpd_tf as fpd
        >>> root = fpd.synthesize("people", count=12, seed=0)
        >>> samples = fpd.load_mpii(root, split="train")
        >>> config = fpd.DataConfig(input_size=64, batch_size=2)
        >>> images, heatmaps, weights = next(iter(fpd.make_dataset(samples, config)))
        >>> images.shape, heatmaps.shape
        (TensorShape([2, 64, 64, 3]), TensorShape([2, 16, 16, 16]))
    """
    if len(samples) < (config.batch_size if training else 1):
        expected = f"at least one batch of {config.batch_size} people"
        raise InputError("samples", "", expected, len(samples))
    people = _people(samples)
    joint_set = joint_set or joint_set_of(people["joints"].shape[1])
    flip_order = tf.constant(joint_set.flip_order)

    def augmented(index, seed):
        person = tf.nest.map_structure(lambda column: column[index], people)
        factor, rotation, mirror, gains = _draw_augmentation(config, seed)
        box = person["center"], person["scale"] * factor
        matrix = crop_matrix_in_graph(*box, rotation, mirror, config.input_size)
        element = _element(person, config, flip_order, matrix, mirror, gains)
        if soft_heatmaps is None:
            return element
        box = person["center"], person["scale"]
        return *element, soft_heatmaps.in_graph(index, *box, matrix, mirror)

    def plain(index):
        person = tf.nest.map_structure(lambda column: column[index], people)
        box = person["center"], person["scale"]
        matrix = crop_matrix_in_graph(*box, 0.0, False, config.input_size)
        return _element(person, config, flip_order, matrix, False, tf.ones(3))

    if training:
        indices = _training_indices(len(samples), config, first_epoch)
        elements = indices.map(augmented, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        indices = tf.data.Dataset.range(len(samples))
        elements = indices.map(plain, num_parallel_calls=tf.data.AUTOTUNE)
    batches = elements.batch(config.batch_size, drop_remainder=training)
    return batches.prefetch(tf.data.AUTOTUNE)


def _people(samples):
    return {
        "path": tf.constant([str(sample.image_path) for sample in samples]),
        "joints": tf.constant(np.stack([s.joints for s in samples]), tf.float32),
        "annotated": tf.constant(np.stack([s.annotated for s in samples])),
        "center": tf.constant(np.stack([s.center for s in samples]), tf.float32),
        "scale": tf.constant([s.scale for s in samples], tf.float32),
    }


def _training_indices(count, config, first_epoch):
    """(index, seed) pairs, whole batches an epoch; all follows from seed and epoch."""
    usable = count - count % config.batch_size

    def one_epoch(epoch):
        key = tf.stack([tf.constant(config.seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=key)
        indices = tf.data.Dataset.from_tensor_slices(order[:usable])
        return indices.map(
            lambda index: (index, tf.random.experimental.stateless_fold_in(key, index))
        )

    if first_epoch is not None:
        return tf.data.Dataset.counter(first_epoch).flat_map(one_epoch)
    epoch = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=True).take(1)
    return epoch.flat_map(one_epoch).apply(
        tf.data.experimental.assert_cardinality(usable)
    )


def _draw_augmentation(config, seed):
    """Random scale factor, angle, mirroring and (3,) colour gains of one person."""
    chances = tf.random.stateless_uniform([6], seed)
    low, high = config.scale
    factor = low + (high - low) * chances[0]
    rotation = config.rotation * (2 * chances[1] - 1)
    gains = 1 + config.color * (2 * chances[3:] - 1)
    return factor, rotation, chances[2] < config.flip, gains


def _element(person, config, flip_order, matrix, mirror, gains):
    size = config.input_size
    image = tf.io.decode_image(
        tf.io.read_file(person["path"]), channels=3, expand_animations=False
    )
    image = warp_in_graph(image, matrix, size) * (gains / 255)
    joints = tf.linalg.matmul(person["joints"], matrix[:, :2], transpose_b=True)
    joints += matrix[:, 2]
    order = tf.where(mirror, flip_order, tf.range(len(flip_order)))
    heatmaps, weights = encode_heatmaps_in_graph(
        tf.gather(joints, order),
        tf.gather(person["annotated"], order),
        size=size // STRIDE,
        sigma=config.sigma,
    )
    return tf.clip_by_value(image, 0.0, 1.0), heatmaps, weights
