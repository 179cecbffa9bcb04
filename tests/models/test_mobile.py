import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.mobile import mobilenet_pose

TINY = {"alpha": 0.35, "num_features": 8, "input_size": 64}


@pytest.fixture(scope="module")
def twins(run_twin_parity):
    """The same network under keras and tf_keras."""
    return run_twin_parity(mobilenet_pose, num_joints=14, **TINY)


def test_twins_cost_the_same(twins):
    ours, theirs = map(fpd.model_cost, twins)
    assert ours == theirs


def test_it_gives_one_stack_at_a_quarter_of_the_size(twins):
    (heatmaps,) = twins[0].outputs
    assert heatmaps.shape == (None, 16, 16, 14)


def test_a_saved_network_loads_without_custom_objects(run_round_trip, twins):
    run_round_trip(twins[0])


def test_images_are_expected_within_0_and_1(twins):
    normalized = twins[0].get_layer("normalize")(np.array([0.0, 1.0], np.float32))
    assert normalized.numpy().tolist() == [-1.0, 1.0]


def test_the_head_joins_the_backbone_at_every_size(twins):
    for stride in (16, 8, 4):
        first, second = twins[0].get_layer(f"head_{stride}_add").input
        assert first.shape == second.shape == (None, 64 // stride, 64 // stride, 8)


def test_a_size_that_is_no_multiple_of_32_is_refused():
    with pytest.raises(InputError, match="multiple of 32. Received: 100"):
        mobilenet_pose(input_size=100)


def test_statistics_settle_within_hundreds_of_steps(twins):
    for network in twins:
        momenta = {getattr(layer, "momentum", 0.99) for layer in network.layers}
        assert momenta == {0.99}
