"""The plan of an epoch in NumPy: the order of the people and their augmentation.

N people, S input size, K joints.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.geometry import apply_matrix, shown_windows, square_matrices

if TYPE_CHECKING:
    from fpd_tf.data.pipeline import DataConfig


@dataclass(frozen=True, eq=False)
class Crops:
    """N crops, a row each.

    Args:
        people: (N,) indices of the persons that they show.
        matrices: (N, 2, 3) float64 from the photograph to the crop, mirrored where so.
        windows: (N, 4) rows and columns that they can show (`shown_windows`).
        mirrored: (N,) bool.
        gains: (N, 3) float32 factors on the colour channels.
        joints: (N, K, 2) float32 crop pixels, left and right swapped where mirrored.
        annotated: (N, K) bool, likewise.
    """

    people: np.ndarray
    matrices: np.ndarray
    windows: np.ndarray
    mirrored: np.ndarray
    gains: np.ndarray
    joints: np.ndarray
    annotated: np.ndarray

    def row(self, at: int) -> tuple[np.ndarray, ...]:
        """All of one crop, in the order of the fields."""
        return tuple(column[at] for column in vars(self).values())


def training_crops(
    people: People, config: "DataConfig", epoch: int, labelled: int | None = None
) -> Crops:
    """The crops of one epoch, in order; they follow from config.seed and the epoch.

    Args:
        people: to train on.
        config: batch size, shares and augmentation.
        epoch: its number.
        labelled: the first so many people come once in an epoch; the others fill
            config.unlabelled_share of each batch and are cycled across epochs. None
            for all.
    """
    chance = np.random.default_rng((config.seed, epoch))
    if labelled is None:
        count = len(people) - len(people) % config.batch_size
        order = chance.permutation(len(people))[:count]
    else:
        order = _mixed(chance, len(people), labelled, config, epoch)
        count = len(order)
    factors = chance.uniform(*config.scale, count)
    rotations = chance.uniform(-config.rotation, config.rotation, count)
    mirrored = chance.random(count) < config.flip
    gains = chance.uniform(1 - config.color, 1 + config.color, (count, 3))
    return _crops(people, config, order, factors, rotations, mirrored, gains)


def labelled_in_batch(config: "DataConfig") -> int:
    """Number of labelled people in a batch with unlabelled ones.

    Raises:
        InputError: with this share, a batch would lack one of the two kinds.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.epoch import labelled_in_batch
        >>> labelled_in_batch(fpd.DataConfig(batch_size=8, unlabelled_share=0.25))
        6
    """
    size, share = config.batch_size, config.unlabelled_share
    count = size - round(share * size)
    if not 0 < count < size:
        expected = f"a share with labelled and unlabelled people in a batch of {size}"
        raise InputError("config.data", "unlabelled_share", expected, share)
    return count


def upright_crops(people: People, config: "DataConfig") -> Crops:
    """All people in order, without augmentation."""
    count = len(people)
    nothing = 1.0, 0.0, np.zeros(count, bool), np.ones((count, 3))
    return _crops(people, config, np.arange(count), *nothing)


def _mixed(chance, people, labelled, config, epoch):
    """The order of an epoch whose batches have labelled people and others."""
    first = labelled_in_batch(config)
    steps = labelled // first
    known = chance.permutation(labelled)[: steps * first].reshape(steps, first)
    wanted = steps * (config.batch_size - first)
    others = labelled + _in_turn(people - labelled, wanted, epoch, config.seed)
    batches = np.hstack([known, others.reshape(steps, -1)])
    return chance.permuted(batches, axis=1).ravel()


def _in_turn(count, wanted, epoch, seed):
    """The part of one epoch of an endless row of passes over `count` people."""
    first, at = divmod(epoch * wanted, count)
    passes = range(first, first + (at + wanted - 1) // count + 1)
    orders = [
        np.random.default_rng((seed, each, 1)).permutation(count) for each in passes
    ]
    return np.concatenate(orders)[at : at + wanted]


def _crops(people, config, order, factors, rotations, mirrored, gains):
    squares = people.squares[order]
    squares[:, 2] *= factors
    matrices = square_matrices(squares, config.input_size, rotations, mirrored)
    annotated, flip_order = people.annotated[order], people.joint_set.flip_order
    known = np.where(annotated[..., None], people.joints[order], 0)
    joints = apply_matrix(matrices, known).astype(np.float32)

    def swapped(column):
        which = mirrored.reshape(-1, *[1] * (column.ndim - 1))
        return np.where(which, column[:, flip_order], column)

    return Crops(
        people=order,
        matrices=matrices,
        windows=shown_windows(matrices, config.input_size),
        mirrored=mirrored,
        gains=gains.astype(np.float32),
        joints=swapped(joints),
        annotated=swapped(annotated),
    )
