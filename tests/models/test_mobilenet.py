import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.models.mobilenet import mobilenet_pose


def test_images_are_expected_within_0_and_1(tiny_mobilenet):
    normalized = tiny_mobilenet.get_layer("normalize")(np.array([0.0, 1.0], np.float32))
    assert normalized.numpy().tolist() == [-1.0, 1.0]


def test_a_size_that_is_no_multiple_of_32_is_refused():
    with pytest.raises(InputError, match="multiple of 32. Received: 100"):
        mobilenet_pose(input_size=100)


def test_statistics_settle_within_hundreds_of_steps(tiny_mobilenet):
    momenta = {getattr(layer, "momentum", 0.99) for layer in tiny_mobilenet.layers}
    assert momenta == {0.99}
