import dataclasses

import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.export.calibrate import calibration_crops, calibration_people


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("people") / "mpii", count=16, seed=0)
    return fpd.load_mpii(root, split="train")


def test_crops_are_those_of_the_chosen_people_and_always_the_same(people):
    crops = calibration_crops(people, 32, 5)
    assert crops.shape == (5, 32, 32, 3) and crops.dtype == np.float32
    np.testing.assert_array_equal(crops, calibration_crops(people, 32, 5))
    chosen = [person.image_path for person in calibration_people(people, 5)]
    assert len(set(chosen)) == 5
    assert chosen != [person.image_path for person in people[:5]]


def test_few_people_do_where_few_are_asked_for(people):
    assert len(calibration_people(people, 2)) == 2
    with pytest.raises(InputError, match="at least 200 people .* Received: 14$"):
        calibration_people(people, 256)
    with pytest.raises(InputError, match="at least 8 people .* Received: 0$"):
        calibration_people(None, 8)


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_a_count_of_nobody_is_refused(people, count):
    """A negative one would leave out the last ones."""
    with pytest.raises(InputError, match="^calibration_count: .*1 or more. Received"):
        calibration_people(people, count)


def test_a_photograph_that_vanished_is_named(people, tmp_path):
    gone = tmp_path / "gone.jpg"
    more = people.of([*people, dataclasses.replace(people[0], image_path=gone)])
    with pytest.raises(InputError, match=f"^{gone}: expected a whole photograph"):
        calibration_crops(more, 32, len(more))
