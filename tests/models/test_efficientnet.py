import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.efficientnet import efficientnet_pose


@pytest.fixture(scope="module")
def twins(run_twin_parity):
    """The same network under keras and tf_keras."""
    settings = {"coarsest": 16, "num_features": 8, "input_size": 64}
    return run_twin_parity(efficientnet_pose, num_joints=14, **settings)


def test_twins_cost_the_same(twins):
    ours, theirs = map(fpd.model_cost, twins)
    assert ours == theirs


def test_it_gives_one_stack_at_a_quarter_of_the_size(twins):
    (heatmaps,) = twins[0].outputs
    assert heatmaps.shape == (None, 16, 16, 14)


def test_a_saved_network_loads_without_custom_objects(run_round_trip, twins):
    run_round_trip(twins[0])


def test_images_become_what_the_imagenet_weights_were_trained_on(twins):
    normalized = twins[0].get_layer("normalize")(np.array([0, 127 / 255, 1], "float32"))
    np.testing.assert_allclose(normalized, [-127 / 128, 0, 1], atol=1e-6)


def test_the_head_joins_the_backbone_at_every_size(twins):
    for stride in (8, 4):
        first, second = twins[0].get_layer(f"head_{stride}_add").input
        assert first.shape == second.shape == (None, 64 // stride, 64 // stride, 8)


def test_the_backbone_is_lite0_without_its_classifier():
    """4,652,008 of Lite0 less its 1280-wide classifier; the head is put aside."""
    network = efficientnet_pose(num_features=8, num_joints=14)
    backbone = sum(
        weight.shape.num_elements()
        for layer in network.layers
        if not layer.name.startswith(("head_", "score_"))
        for weight in layer.trainable_weights
    )
    assert backbone == 4_652_008 - (320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_size": 80}, "input_size: expected a multiple of 32. Received: 80"),
        ({"coarsest": 8}, "coarsest: expected 16 or 32. Received: 8"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        efficientnet_pose(**settings)
