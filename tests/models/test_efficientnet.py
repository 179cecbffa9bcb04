import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.models.efficientnet import efficientnet_pose


def test_images_become_what_the_imagenet_weights_were_trained_on(tiny_efficientnet):
    normalized = tiny_efficientnet.get_layer("normalize")(
        np.array([0, 127 / 255, 1], "float32")
    )
    np.testing.assert_allclose(normalized, [-127 / 128, 0, 1], atol=1e-6)


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
