import keras
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError

TINY = {"num_stacks": 1, "num_features": 8, "depth": 1, "input_size": 32}


IN_THE_PAPER = ("8x256", "4x256", "2x256", "1x256", "4x128", "4x64", "4x32")


@pytest.mark.parametrize(
    "name", [name for name in fpd.PRESETS if not name.endswith(IN_THE_PAPER)]
)
def test_a_preset_weighs_what_it_says(name):  # the others: test_hourglass, Table 5
    preset, cost = fpd.PRESETS[name], fpd.model_cost(fpd.build_model(name))
    assert cost.parameters == preset.parameters
    assert round(cost.giga_operations, 2) == preset.giga_operations


def test_overrides_and_name():
    network = fpd.build_model("hourglass_8x256", num_joints=14, **TINY)
    assert network.name == "hourglass_8x256"
    assert [output.shape for output in network.outputs] == [(None, 8, 8, 14)]
    assert fpd.PRESETS["hourglass_8x256"].kwargs == {
        "num_stacks": 8,
        "num_features": 256,
    }


def test_presets_cannot_be_changed():
    with pytest.raises(TypeError):
        fpd.PRESETS["hourglass_8x256"] = None


@pytest.mark.parametrize(
    "name, override, message",
    [
        ("hourglass_9x256", {}, "preset: expected one of hourglass_8x256, .*"),
        ("hourglass_4x32", {"alpha": 1}, "hourglass_4x32: argument: .*depth.*alpha"),
        ("mobilenet_pose", {"depth": 4}, "mobilenet_pose: argument: .*alpha.*depth"),
        ("hourglass_4x32", {"num_features": "wide"}, "hourglass_4x32: .*'wide'"),
        ("hourglass_4x32", {"num_features": -2}, "hourglass_4x32: .*-2"),
        ("hourglass_4x32", {"input_size": 33}, "input_size: .*64.*33"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(name, override, message):
    with pytest.raises(InputError, match=f"(?s)^{message}"):
        fpd.build_model(name, **override)


@pytest.mark.parametrize(
    "preset", ["hourglass_2x64", "mobilenet_pose", "efficientnet_pose"]
)
def test_a_keras_of_channels_first_is_refused(preset, monkeypatch):
    """MobileNet would give (16, 16, 8) for 16 joints, without a word."""
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(InputError, match='image_data_format: must be "channels_last"'):
        fpd.build_model(preset, input_size=64)
