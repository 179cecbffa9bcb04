import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.models.movenet import movenet_pose

TINY = {"width": 0.25, "input_size": 64, "num_joints": 14}


@pytest.fixture(scope="module")
def tiny_movenet():
    return movenet_pose(**TINY)


def test_images_become_what_the_published_weights_were_trained_on(tiny_movenet):
    normalized = tiny_movenet.get_layer("normalize")(np.array([0, 0.5, 1], "float32"))
    np.testing.assert_allclose(normalized, [-1, 0, 1])


def test_heatmaps_lie_between_0_and_1_and_can_be_saved(tiny_movenet, run_round_trip):
    assert [each.shape for each in tiny_movenet.outputs] == [(None, 16, 16, 14)]
    heatmaps = np.asarray(tiny_movenet(np.ones((1, 64, 64, 3))))
    assert 0 < heatmaps.min() < heatmaps.max() < 1
    run_round_trip(tiny_movenet)


def test_the_backbone_is_mobilenet_v2_with_its_norms_folded_into_biases():
    """3,504,872 of Sandler et al. at width 1.0, less the classifier and the gammas."""
    network = movenet_pose(input_size=32)
    backbone = [
        layer
        for layer in network.layers
        if not layer.name.startswith(("pyramid_", "score_"))
    ]
    count = sum(layer.count_params() for layer in backbone)
    gammas = sum(layer.bias.shape[0] for layer in backbone if hasattr(layer, "kernel"))
    assert count == 3_504_872 - (1280 * 1000 + 1000) - gammas


@pytest.mark.parametrize(
    ("width", "channels"), [(1.0, (32, 320)), (1.75, (56, 560)), (0.25, (8, 80))]
)
def test_the_width_scales_the_backbone_and_neither_its_end_nor_the_pyramid(
    width, channels
):
    network = movenet_pose(width=width, input_size=32)
    names = ("stem_conv", "block16_project_conv", "last_conv", "pyramid_32_conv")
    filters = tuple(network.get_layer(name).filters for name in names)
    assert filters == (*channels, 1280, 64)


def test_fewer_blocks_leave_out_the_coarsest_layers_and_keep_every_other_name():
    whole, fewer = movenet_pose(**TINY), movenet_pose(**TINY, blocks=14)
    left_out = {each.name for each in whole.layers} - {e.name for e in fewer.layers}
    assert {each.split("_")[0] for each in left_out} == {
        "block14",
        "block15",
        "block16",
        "last",
    }
    assert fewer.get_layer("pyramid_32_conv").input.shape[1:] == (2, 2, 40)
    assert fewer.output_shape == whole.output_shape


@pytest.mark.parametrize("blocks", [13, 18])
def test_a_backbone_that_does_not_reach_stride_32_or_is_longer_is_refused(blocks):
    with pytest.raises(InputError, match=f"blocks: expected 14 to 17.*{blocks}"):
        movenet_pose(**TINY, blocks=blocks)


def test_a_size_that_does_not_halve_five_times_is_refused():
    with pytest.raises(InputError, match="input_size: expected a multiple of 32.*: 80"):
        movenet_pose(input_size=80)
