import keras
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.mobilenet import mobilenet_pose
from fpd_tf.models.precision import with_precision
from fpd_tf.models.stacks import as_stacks

TINY = {"num_features": 8, "depth": 1, "input_size": 32, "stem_width": 8}


@pytest.fixture(
    scope="module",
    params=[
        lambda: fpd.stacked_hourglass(num_stacks=2, **TINY),
        lambda: mobilenet_pose(alpha=0.35, num_features=8, input_size=32),
    ],
    ids=["hourglass", "mobilenet"],
)
def network(request):
    keras.utils.set_random_seed(0)
    return request.param()


def test_a_float32_copy_is_the_same_network_in_other_variables(network):
    copied = with_precision(network, "float32")
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    before = [stack.numpy() for stack in as_stacks(network(images))]
    for one, other in zip(before, as_stacks(copied(images)), strict=True):
        np.testing.assert_array_equal(one, other)
    copied.set_weights([np.zeros_like(values) for values in copied.get_weights()])
    np.testing.assert_array_equal(before[-1], as_stacks(network(images))[-1])


def test_bfloat16_inside_float32_outside(network):
    mixed = with_precision(network, "mixed_bfloat16")
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    truth = as_stacks(network(images))[-1].numpy()
    answer = as_stacks(mixed(images))[-1]
    assert answer.dtype == "float32"
    difference = np.abs(answer.numpy() - truth).max()
    assert 0 < difference < 0.05 * np.abs(truth).max()
    computing = {
        layer.compute_dtype
        for layer in mixed.layers
        if layer.name not in ("image", *network.output_names)
    }
    assert computing == {"bfloat16"}
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    assert mixed.output_names == network.output_names
    assert network.layers[1].compute_dtype == "float32"


def _with_inner_model(last):
    image = keras.Input((32, 32, 3))
    layers = keras.layers
    inner = keras.Sequential(
        [layers.Conv2D(4, 3, strides=4, padding="same"), layers.BatchNormalization()],
        name="inner",
    )
    return keras.Model(image, last(inner(image)), name="outer")


def test_models_inside_a_network_are_copied_likewise():
    network = _with_inner_model(keras.layers.Conv2D(2, 1))
    copied = with_precision(network, "mixed_bfloat16", synchronized=True)
    convolution, normalisation = copied.get_layer("inner").layers
    assert convolution.compute_dtype == "bfloat16" and normalisation.synchronized
    assert copied.outputs[0].dtype == "float32"
    image = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    before, after = network(image).numpy(), copied(image).numpy()
    np.testing.assert_allclose(before, after, atol=0.02)


def test_an_inner_model_or_an_operation_at_the_end_gives_float32():
    head = keras.Sequential([keras.layers.Conv2D(2, 1)])
    for last in (head, lambda x: keras.ops.relu(x) * 2):
        copied = with_precision(_with_inner_model(last), "mixed_bfloat16")
        assert copied.outputs[0].dtype == "float32" and copied.name == "outer"


def test_a_sequential_network_is_copied():
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1)]
    network = keras.Sequential(layers, name="row")
    copied = with_precision(network, "mixed_bfloat16")
    assert copied.outputs[0].dtype == "float32" and copied.name == "row"


def test_a_layer_that_cannot_be_copied_is_named():
    double = keras.layers.Lambda(lambda x: 2 * x, name="double")
    with pytest.raises(InputError, match="outer: double: cannot be copied; write it"):
        with_precision(_with_inner_model(double), "float32")


def test_no_such_policy_is_refused(network):
    with pytest.raises(InputError, match="policy: expected one of Keras.*'bf16'"):
        with_precision(network, "bf16")
