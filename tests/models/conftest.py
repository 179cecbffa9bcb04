"""Checks that every network has to pass."""

import keras
import numpy as np
import pytest
import tf_keras

from fpd_tf.models.efficientnet import efficientnet_pose
from fpd_tf.models.mobilenet import mobilenet_pose
from fpd_tf.models.stacks import as_stacks

TINY = {"num_features": 8, "input_size": 64, "num_joints": 14}


@pytest.fixture(scope="session")
def run_twin_parity():
    """Builds with keras and with tf_keras; equal weights must give equal heatmaps."""

    def run(build, **kwargs):
        network, twin = build(**kwargs), build(**kwargs, keras=tf_keras)
        images = np.random.default_rng(0).random((2, *network.input_shape[1:]))
        network(images, training=True)  # so that no statistics are 0 and 1
        assert {layer.name for layer in network.layers} == {
            layer.name for layer in twin.layers
        }
        for layer in network.layers:
            twin.get_layer(layer.name).set_weights(layer.get_weights())
        for ours, theirs in zip(
            as_stacks(network(images, training=False)),
            as_stacks(twin(images, training=False)),
            strict=True,
        ):
            peak = np.abs(ours).max()
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * peak)
        return network, twin

    return run


@pytest.fixture(scope="session")
def mobilenet_twins(run_twin_parity):
    """A tiny one under keras and under tf_keras."""
    return run_twin_parity(mobilenet_pose, alpha=0.35, **TINY)


@pytest.fixture(scope="session")
def efficientnet_twins(run_twin_parity):
    """A tiny one under keras and under tf_keras."""
    return run_twin_parity(efficientnet_pose, coarsest=16, **TINY)


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
