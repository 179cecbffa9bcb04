"""Crops of training people for calibration.

N people, S input size.
"""

import numpy as np

from fpd_tf.data.people import People
from fpd_tf.data.pipeline import DataConfig, broken_files_named, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.inference.given import check_count

FEWEST_PEOPLE = 200


def calibration_people(people: People | None, count: int) -> People:
    """`count` people, always the same ones of the same people.

    Raises:
        InputError: fewer people than `count` and than `FEWEST_PEOPLE`, or a count below
            1.
    """
    check_count("calibration_count", count)
    needed, found = min(count, FEWEST_PEOPLE), len(people or ())
    if found < needed:
        expected = (
            f"at least {needed} people to calibrate on, or --few-people, in Python "
            "calibration_count"
        )
        raise InputError("samples", "", expected, found)
    order = np.random.default_rng(0).permutation(found)[:count]
    return people.of(people[index] for index in order)


def calibration_crops(people: People | None, size: int, count: int) -> np.ndarray:
    """(N, S, S, 3) float32 crops of `calibration_people`, unaugmented.

    Raises:
        InputError: fewer people than `count` and than `FEWEST_PEOPLE`, or a photograph
            broke or vanished.
    """
    chosen = calibration_people(people, count)
    batches = make_dataset(chosen, DataConfig(input_size=size)).as_numpy_iterator()
    with broken_files_named():
        return np.concatenate([images for images, _, _ in batches])
