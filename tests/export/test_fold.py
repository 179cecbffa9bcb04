import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from fpd_tf.errors import InputError
from fpd_tf.export.convert import to_tflite
from fpd_tf.export.fold import folded
from fpd_tf.joints import MPII
from fpd_tf.models.hourglass import stacked_hourglass
from fpd_tf.models.keras_file import (
    joint_set_of_network,
    named_network,
    save_network,
)
from fpd_tf.models.mobilenet import mobilenet_pose
from fpd_tf.models.movenet import movenet_pose
from fpd_tf.models.precision import with_precision
from fpd_tf.models.presets import PRESETS, build_model
from fpd_tf.models.stacks import as_stacks

layers = keras.layers


def hourglass(num_stacks, depth, upsampling):
    return stacked_hourglass(
        num_stacks=num_stacks,
        num_features=8,
        num_joints=5,
        input_size=4 * 2**depth,
        depth=depth,
        stem_width=4,
        upsampling=upsampling,
    )


def mobilenet(upsampling):
    return mobilenet_pose(
        alpha=0.35,
        num_features=8,
        num_joints=5,
        input_size=32,
        upsampling=upsampling,
    )


def with_random_weights(model, seed=0):
    """Also statistics and scales of BatchNorms, some scales negative."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        values = random.normal(0, 0.5, weight.shape)
        if weight.path.endswith(("gamma", "kernel")):
            values /= np.sqrt(np.prod(weight.shape[:-1]))
        if weight.path.endswith("moving_variance"):
            values = random.uniform(0.3, 2.0, weight.shape)
        weight.assign(values)
    return model


def run_both(model, run, seed=1):
    size = model.input_shape[1]
    image = np.random.default_rng(seed).uniform(size=(1, size, size, 3))
    image = image.astype(np.float32)
    expected = np.asarray(as_stacks(model(image, training=False))[-1])
    assert np.ptp(expected) > 0.01
    return run(image), expected


def run_in_litert(network):
    interpreter = Interpreter(model_content=to_tflite(network))
    runner = interpreter.get_signature_runner("serving_default")
    return lambda image: runner(image=image)["heatmaps"]


@pytest.mark.parametrize(
    "model",
    [
        lambda: hourglass(1, 1, "nearest"),
        lambda: hourglass(2, 1, "bilinear"),
        pytest.param(lambda: hourglass(1, 4, "nearest"), marks=pytest.mark.slow),
        lambda: mobilenet("nearest"),
        pytest.param(lambda: mobilenet("bilinear"), marks=pytest.mark.slow),
    ],
)
def test_the_folded_network_equals_the_trained_one_in_litert(model):
    model = with_random_weights(model())
    network = folded(model)
    received, expected = run_both(model, run_in_litert(network))
    np.testing.assert_allclose(received, expected, atol=1e-4)
    kinds = {type(layer).__name__ for layer in network.layers}
    assert not kinds & {"BatchNormalization", "Rescaling", "Activation", "ReLU"}


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_equals_its_folded_network_in_litert(preset):
    model = with_random_weights(build_model(preset, input_size=64))
    received, expected = run_both(model, run_in_litert(folded(model)))
    np.testing.assert_allclose(received, expected, atol=1e-4)


def test_a_sigmoid_on_the_heatmaps_stays_a_layer_of_its_own():
    model = movenet_pose(width=0.25, num_joints=5, input_size=32)
    network = folded(with_random_weights(model))
    received, expected = run_both(model, run_in_litert(network))
    np.testing.assert_allclose(received, expected, atol=1e-4)
    *others, last = network.layers
    assert last.name == "heatmaps" and last.activation is keras.activations.sigmoid
    assert not [each for each in others if isinstance(each, layers.Activation)]


def test_only_what_the_last_stack_needs_is_kept():
    names = [layer.name for layer in folded(hourglass(2, 2, "nearest")).layers]
    assert names[-1] == "heatmaps" and "stack0_remap_score_conv" in names
    model = hourglass(2, 2, "nearest")
    first = keras.Model(model.inputs, model.outputs[:1])
    kept = [layer.name for layer in folded(first).layers]
    assert "stack0_hg2_add" in kept and not [name for name in kept if "stack1" in name]


def test_relus_join_their_convolutions_and_lone_norms_become_depthwise():
    network = folded(hourglass(1, 2, "nearest"))
    config = network.get_layer("stack0_hg1_up_res0_1_relu").get_config()
    assert (config["kernel_size"], config["activation"]) == ((1, 1), "relu")
    assert type(network.get_layer("stack0_hg1_up_res0_1_relu")).__name__ == (
        "DepthwiseConv2D"
    )
    assert type(network.get_layer("stack0_hg1_up_res0_2_relu")).__name__ == "Conv2D"
    assert not [each for each in network.layers if type(each).__name__ == "ReLU"]


def knotty_network():
    """What the presets do not have: shared outputs, odd settings, odd orders."""
    image = layers.Input((16, 16, 3))
    x = layers.Rescaling([2.0, 1.0, 0.5], offset=[-1.0, 0.0, 0.3])(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.ReLU()(x)
    both = layers.Conv2D(8, 3, padding="same", dilation_rate=2, groups=2)(x)
    norm = layers.BatchNormalization(center=False)(both)
    x = layers.Add()([both, norm, layers.Activation("linear")(both)])
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = layers.ZeroPadding2D(((0, 1), (2, 0)))(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(negative_slope=0.1)(x)
    x = layers.Rescaling(0.5, offset=1.0)(x)
    x = layers.UpSampling2D((2, 3))(x)
    x = layers.Conv2D(4, 1, use_bias=False)(x)
    x = layers.ReLU(6.0)(x)
    return keras.Model(image, layers.BatchNormalization()(x), name="knotty")


def test_odd_orders_and_settings_stay_exact():
    model = with_random_weights(knotty_network())
    network = folded(model)
    received, expected = run_both(model, network)
    np.testing.assert_allclose(received, expected, atol=1e-5)
    assert network(np.zeros((3, 16, 16, 3))).shape[0] == 3


def test_biases_that_are_added_up_stand_in_one_convolution():
    image = layers.Input((8, 8, 3))
    both = [layers.Conv2D(2, 1, name=name)(image) for name in ("first", "second")]
    model = keras.Model(image, layers.Add()(both))
    for name in ("first", "second"):
        model.get_layer(name).bias.assign([0.5, -2.0])
    network = folded(model)
    np.testing.assert_allclose(network.get_layer("first").get_weights()[1], [1, -4])
    np.testing.assert_allclose(network.get_layer("second").get_weights()[1], [0, 0])
    received, expected = run_both(model, network)
    np.testing.assert_allclose(received, expected, atol=1e-6)


def test_the_global_precision_has_no_say():
    model = hourglass(1, 2, "bilinear")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = folded(model)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in network.layers[1:]} == {"float32"}


def test_folding_draws_no_random_numbers():
    model = hourglass(1, 2, "nearest")
    keras.utils.set_random_seed(0)
    expected = keras.random.normal((3,))
    keras.utils.set_random_seed(0)
    folded(model)
    np.testing.assert_array_equal(keras.random.normal((3,)), expected)


def test_a_folded_network_knows_its_joints(tmp_path):
    image = layers.Input((8, 8, 3))
    model = keras.Model(image, layers.Conv2D(16, 1)(image))
    assert joint_set_of_network(folded(model)) is None
    save_network(named_network(model, MPII), tmp_path / "named.keras")
    assert joint_set_of_network(folded(tmp_path / "named.keras")).name == "mpii"


def test_another_backend_is_refused(monkeypatch):
    model = hourglass(1, 2, "nearest")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="^KERAS_BACKEND: .* Received: jax$"):
        folded(model)


def test_the_precision_of_training_leaves_no_trace():
    model = with_random_weights(hourglass(1, 2, "nearest"))
    network = folded(with_precision(model, "mixed_bfloat16"))
    received, expected = run_both(model, network)
    np.testing.assert_allclose(received, expected, atol=1e-5)


class Odd(layers.Conv2D):
    def call(self, inputs):
        return -super().call(inputs)


@pytest.mark.parametrize(
    ("unknown", "name"),
    [
        (layers.LayerNormalization(name="layer_norm"), "layer_norm"),
        (layers.Activation("tanh", name="squash"), "squash"),
        (layers.Conv2D(3, 1, activation="tanh", name="conv"), "conv"),
        (Odd(3, 1, name="subclass"), "subclass"),
        (layers.UpSampling2D(interpolation="bicubic", name="up"), "up"),
        (layers.BatchNormalization(axis=1, name="norm"), "norm"),
        (lambda x: keras.ops.multiply(x, 2.0), "multiply"),
    ],
)
def test_layers_the_rewrite_does_not_know_are_named(unknown, name):
    image = layers.Input((8, 8, 3))
    model = keras.Model(image, layers.Conv2D(2, 1)(unknown(image)), name="odd")
    with pytest.raises(InputError, match=f"^odd: {name}: .* Add, .*Received: [^<]*$"):
        folded(model)


def test_shared_layers_are_refused():
    image = layers.Input((8, 8, 3))
    twice = layers.Conv2D(3, 1)
    with pytest.raises(InputError, match="uses a layer twice"):
        folded(keras.Model(image, twice(twice(image))))


def test_networks_within_networks_are_refused():
    image = layers.Input((8, 8, 3))
    inner = keras.Model(image, layers.Conv2D(3, 1)(image))
    with pytest.raises(InputError, match="or a network as a layer"):
        folded(keras.Model(image, layers.Conv2D(2, 1)(inner(image))))


def test_layers_of_any_name_are_converted():
    """Two that end up alike, those of input and output, and what is no scope."""
    names = "größe", "grüße", "heatmaps", "image", "_hidden", "with space"
    image = x = layers.Input((8, 8, 3), name="picture")
    for name in names:
        x = layers.ReLU(name=name)(layers.Add()([x, x]))
    model = keras.Model(image, layers.Conv2D(2, 1, name="last")(x))
    network = folded(model)
    found = [layer.name for layer in network.layers if isinstance(layer, layers.ReLU)]
    assert found == ["gr__e", "gr__e_", "heatmaps_", "image_", "layer_hidden"] + [
        "with_space"
    ]
    received, expected = run_both(model, run_in_litert(network))
    np.testing.assert_allclose(received, expected, atol=1e-5)


def test_a_sum_over_all_channels_keeps_its_biases():
    image = layers.Input((8, 8, 3))
    both = [layers.Conv2D(width, 1)(image) for width in (4, 1)]
    model = with_random_weights(keras.Model(image, layers.Add()(both)))
    received, expected = run_both(model, folded(model))
    np.testing.assert_allclose(received, expected, atol=1e-6)


@pytest.mark.parametrize("weight", ["stem_conv/kernel", "stem_bn/moving_variance"])
def test_weights_that_are_not_finite_are_named(weight):
    model = hourglass(1, 2, "nearest")
    (variable,) = (each for each in model.weights if each.path.endswith(weight))
    variable.assign(np.full(variable.shape, np.nan))
    with pytest.raises(InputError, match=f"weights: {weight.partition('/')[0]}"):
        folded(model)


def test_networks_without_one_fixed_image_are_refused():
    image = layers.Input((None, None, 3))
    with pytest.raises(InputError, match="one image of fixed size"):
        folded(keras.Model(image, layers.Conv2D(2, 1)(image)))
    with pytest.raises(InputError, match="a Functional network"):
        folded(keras.Sequential([layers.Conv2D(2, 1)]))
