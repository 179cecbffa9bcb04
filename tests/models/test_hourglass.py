import keras
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.stacks import as_stacks

TINY = {"num_features": 8, "depth": 2, "input_size": 32, "stem_width": 8}

TABLE_5 = {
    # stacks x features: parameters, G operations, multiply-adds, as printed
    "8x256": (25_434_112, 54.88, 27_440_185_344, "26M, 55G"),
    "4x256": (12_858_304, 29.41, 14_703_132_672, "13M, 30G"),
    "2x256": (6_570_400, 16.67, 8_334_606_336, "7M, 17G"),
    "1x256": (3_426_448, 10.30, 5_150_343_168, "3M, 10G"),
    "4x128": (3_332_032, 9.34, 4_672_192_512, "3M, 9G"),
    "4x64": (949_888, 4.42, 2_208_497_664, "0.95M, 4.5G"),
    "4x32": (339_616, 3.11, 1_555_873_792, "0.34M, 3.1G"),
}
TOTAL = {"8x256": 25_554_688, "4x128": 3_363_264}  # with moving statistics


QUICK = "4x128", "2x256", "1x256"  # to build; the others take 3 to 7 s of CPU


@pytest.mark.parametrize(
    "row",
    [
        row if row in QUICK else pytest.param(row, marks=pytest.mark.slow)
        for row in TABLE_5
    ],
)
def test_the_rows_of_table_5(row):
    parameters, giga, multiply_adds, printed = TABLE_5[row]
    preset = fpd.PRESETS[f"hourglass_{row}"]
    network = fpd.build_model(f"hourglass_{row}")
    cost = fpd.model_cost(network)
    assert cost.parameters == preset.parameters == parameters
    assert cost.multiply_adds == multiply_adds
    assert round(cost.giga_operations, 2) == preset.giga_operations == giga
    assert printed in preset.description
    assert network.count_params() == TOTAL.get(row, network.count_params())
    stacks = int(row.split("x")[0])
    assert [output.shape for output in network.outputs] == [(None, 64, 64, 16)] * stacks


@pytest.fixture(scope="module")
def tiny():
    return fpd.stacked_hourglass(num_stacks=2, **TINY)


def test_joints_count_only_in_the_score_and_remap_layers(tiny):
    fewer = fpd.stacked_hourglass(num_stacks=2, num_joints=14, **TINY)
    # two scores with bias and one remap without: 2 joints x (2 * (8 + 1) + 8)
    assert tiny.count_params() - fewer.count_params() == 2 * (2 * 9 + 8)


def test_thirteen_residuals_an_hourglass_at_depth_4():
    network = fpd.stacked_hourglass(num_stacks=1, num_features=4, input_size=64)
    adds = [layer.name for layer in network.layers if layer.name.endswith("_add")]
    assert sum(name.startswith("stack0_hg") and "_res0" in name for name in adds) == 13
    assert sum(name.startswith("stack0_out") for name in adds) == 1
    assert sum(name.startswith("stem_res") for name in adds) == 3


def test_blocks_and_depth_are_settings():
    one, two = (
        fpd.stacked_hourglass(num_stacks=1, num_blocks=count, **{**TINY, "depth": 1})
        for count in (1, 2)
    )
    residual = (8 * 4 + 4) + (9 * 16 + 4) + (4 * 8 + 8) + 2 * (8 + 4 + 4)
    places = 4 + 1  # up, low1, low2, low3 and the one after the hourglass
    difference = fpd.model_cost(two).parameters - fpd.model_cost(one).parameters
    assert difference == places * residual


def test_residuals_are_pre_activation_and_join_without_an_activation(tiny):
    layer, pool = tiny.get_layer, tiny.get_layer("stem_pool").output
    assert layer("stem_res1_1_bn").input is pool
    for step in "123":
        assert layer(f"stem_res1_{step}_relu").input is (
            layer(f"stem_res1_{step}_bn").output
        )
        assert layer(f"stem_res1_{step}_conv").input is (
            layer(f"stem_res1_{step}_relu").output
        )
    join = layer("stem_res1_add")
    assert join.input[0] is pool
    assert join.input[1] is layer("stem_res1_3_conv").output
    skip = layer("stem_res2_skip_conv")  # only where the channels differ
    assert skip.kernel_size == (1, 1) and skip.input is join.output
    assert all(conv.use_bias for conv in tiny.layers if hasattr(conv, "kernel"))
    assert layer("stem_res1_1_bn").momentum == 0.9
    assert layer("stem_res1_1_bn").epsilon == 1e-5


def test_each_stack_goes_on_from_features_and_scores_of_the_one_before(tiny):
    parts = tiny.get_layer("stack0_next").input
    names = ("stem_res2_add", "stack0_remap_features_conv", "stack0_remap_score_conv")
    for part, name in zip(parts, names, strict=True):
        assert part is tiny.get_layer(name).output
    score = tiny.get_layer("stack0_score_conv").output
    assert tiny.get_layer("stack0_remap_score_conv").input is score
    assert tiny.get_layer("stack0_heatmaps").input is score
    assert not any(layer.name.startswith("stack1_remap") for layer in tiny.layers)


def test_images_are_expected_within_0_and_1(tiny):
    normalized = tiny.get_layer("normalize")(np.array([0.0, 0.5, 1.0], np.float32))
    assert normalized.numpy().tolist() == [-2.0, 0.0, 2.0]


def test_first_weights_are_torchs_uniform_ones(tiny):
    kernel, bias = tiny.get_layer("stem_conv").get_weights()
    bound = 1 / np.sqrt(7 * 7 * 3)
    assert np.abs(kernel).max() <= bound and np.abs(kernel).max() > 0.95 * bound
    assert kernel.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert not bias.any()


def test_upsampling_is_a_setting(tiny):
    network = fpd.stacked_hourglass(num_stacks=1, upsampling="bilinear", **TINY)
    for built, expected in ((tiny, "nearest"), (network, "bilinear")):
        assert built.get_layer("stack0_hg1_upsample").interpolation == expected


@pytest.fixture(scope="module")
def one_stack():
    return fpd.stacked_hourglass(num_stacks=1, **TINY)


def test_a_saved_network_loads_without_custom_objects(run_round_trip, tiny, one_stack):
    run_round_trip(tiny)
    run_round_trip(one_stack)


def test_one_stack_is_a_list_of_one(tiny, one_stack):
    images = np.zeros((3, 32, 32, 3), np.float32)
    (stack,) = as_stacks(one_stack(images))
    assert stack.shape == (3, 8, 8, 16)
    assert [stack.shape for stack in as_stacks(tiny(images))] == [(3, 8, 8, 16)] * 2


def test_a_size_that_does_not_halve_evenly_is_refused():
    with pytest.raises(InputError, match="multiple of 64 for depth 4. Received: 96"):
        fpd.stacked_hourglass(input_size=96)


@pytest.mark.parametrize("field", ["num_stacks", "num_blocks", "depth"])
def test_a_count_below_one_is_refused(field):
    with pytest.raises(InputError, match=f"{field}: expected 1 or more. Received: 0"):
        fpd.stacked_hourglass(**{field: 0})


def test_the_first_convolution_reads_as_it_is_padded(tiny):
    """Its cell i looks at pixels 2 i - 2 and on, or with 3 zeros at 2 i - 3 and on."""
    padded = fpd.stacked_hourglass(num_stacks=2, stem_padding=3, **TINY)
    assert padded.get_layer("stem_conv").output.shape == (None, 16, 16, 8)
    assert padded.count_params() == tiny.count_params()
    ramp = np.zeros((1, 32, 32, 3), np.float32)
    ramp[0, :, :, 0] = np.arange(32) / 32
    for network, first in ((tiny, 4), (padded, 3)):  # of cell 3
        kernel = np.zeros((7, 7, 3, 8), np.float32)
        kernel[3, 0, 0] = 8  # of 4 x - 2
        stem = network.get_layer("stem_conv")
        before = stem.get_weights()
        stem.set_weights([kernel, np.zeros(8, np.float32)])
        seen = keras.Model(network.input, stem.output)(ramp)[0, 5, 3, 0]
        stem.set_weights(before)
        assert float(seen) == 8 * (4 * first / 32 - 2)


def test_widths_and_colors_of_the_stem_are_settings(run_round_trip):
    colors = {"color_scale": (1.0, 2.0, 4.0), "color_offset": (0.0, -1.0, -2.0)}
    network = fpd.stacked_hourglass(
        num_stacks=1, pooled_width=24, stem_padding=3, **colors, **TINY
    )
    assert network.get_layer("stem_res1_add").output.shape[-1] == 24
    shown = network.get_layer("normalize")(np.full((1, 1, 1, 3), 0.5, np.float32))
    assert np.ravel(shown).tolist() == [0.5, 0.0, 0.0]
    run_round_trip(network)
