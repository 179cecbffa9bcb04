"""Tiny networks with a head, and a check that every network has to pass."""

import keras
import numpy as np
import pytest

from fpd_tf.models.efficientnet import efficientnet_pose
from fpd_tf.models.mobilenet import mobilenet_pose
from fpd_tf.models.stacks import as_stacks

TINY = {"num_features": 8, "input_size": 64, "num_joints": 14}


@pytest.fixture(scope="session")
def tiny_mobilenet():
    return mobilenet_pose(alpha=0.35, **TINY)


@pytest.fixture(scope="session")
def tiny_efficientnet():
    return efficientnet_pose(coarsest=16, **TINY)


@pytest.fixture(scope="session")
def run_round_trip(tmp_path_factory):
    """Saves, loads without custom objects and compares what comes out."""

    def run(network):
        path = tmp_path_factory.mktemp("saved") / "network.keras"
        network.save(path)
        loaded = keras.models.load_model(path)
        images = np.random.default_rng(0).random((2, *network.input_shape[1:]))
        before, after = as_stacks(network(images)), as_stacks(loaded(images))
        assert len(before) == len(after) == len(loaded.outputs)
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other)

    return run
