import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from fpd_tf.export.convert import to_tflite
from fpd_tf.export.fold import folded
from fpd_tf.export.rounding import rounded_in_turn, rounded_weights

SIZE = 32


@pytest.fixture
def network():
    """Ordinary and depthwise convolutions with biases."""
    image = layers.Input((SIZE, SIZE, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(image)
    x = layers.ReLU(6.0)(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Conv2D(4, 1, name="pointwise")(x)
    model = folded(keras.Model(image, x, name="small"))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture
def crops():
    """Neighbours look alike, as in photographs."""
    coarse = np.random.default_rng(1).random((12, SIZE // 8, SIZE // 8, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)


def nearest(rows):
    scales = np.abs(rows).max(axis=1, keepdims=True) / 127
    return np.round(rows / scales) * scales


def squared(rows, rounded, moments):
    lost = rows - rounded
    return np.einsum(
        "ci,cij,cj->c", lost, np.broadcast_to(moments, (len(rows), 9, 9)), lost
    )


def test_what_one_weight_loses_its_twin_takes_up():
    twins = np.ones((3, 3))
    rows = np.array([[127.0, 0.4, 0.4], [0.4, 0.4, -127.0]])
    expected = [[127, 0, 1], [0, 1, -127]]
    np.testing.assert_allclose(rounded_in_turn(rows, twins), expected, atol=1e-9)


def test_the_largest_weight_stays_whatever_was_lost_before_it():
    """It gives the scale; three times what the first weight loses would go to it."""
    sees = np.array([3.0, 1.0])
    rounded = rounded_in_turn(np.array([[0.4, -127.0]]), np.outer(sees, sees))
    np.testing.assert_allclose(rounded, [[0, -127]])


def test_unrelated_weights_are_rounded_to_the_nearest():
    rows = np.random.default_rng(0).normal(size=(5, 9))
    np.testing.assert_allclose(rounded_in_turn(rows, np.eye(9)), nearest(rows))


@pytest.mark.parametrize("shared", [True, False])
def test_less_is_lost_on_inputs_that_look_alike(shared):
    random = np.random.default_rng(0)
    rows = random.normal(size=(20, 9))
    inputs = random.normal(size=(200, 1)) + 0.1 * random.normal(size=(200, 9))
    moments = inputs.T @ inputs / 200
    given = moments if shared else np.stack([moments] * 20)
    rounded = rounded_in_turn(rows, given)
    before, after = (squared(rows, r, moments).sum() for r in (nearest(rows), rounded))
    assert after < 0.2 * before
    codes = rounded * 127 / np.abs(rows).max(axis=1, keepdims=True)
    np.testing.assert_allclose(codes, codes.round(), atol=1e-9)
    assert np.abs(codes).max(axis=1) == pytest.approx(127)


def test_a_kernel_that_sees_nothing_keeps_its_nearest():
    rows = np.random.default_rng(0).normal(size=(2, 9))
    np.testing.assert_allclose(rounded_in_turn(rows, np.zeros((9, 9))), nearest(rows))
    assert not rounded_in_turn(np.zeros((1, 9)), np.eye(9)).any()


def test_kernels_are_multiples_of_their_scales_and_come_back(network, crops):
    before = network.get_weights()
    expected = network(crops).numpy()
    with rounded_weights(network, crops):
        for layer in network.layers:
            if layer.get_weights():
                kernel = layer.get_weights()[0]
                depthwise = isinstance(layer, layers.DepthwiseConv2D)
                rows = kernel.reshape(-1, kernel.shape[2 if depthwise else 3]).T
                codes = 127 * rows / np.abs(rows).max(axis=1, keepdims=True)
                np.testing.assert_allclose(codes, codes.round(), atol=2e-3)
        got = network(crops).numpy()
    for one, other in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    inside = slice(2, -2)  # padding is another thing than photographs
    error = (got - expected)[:, inside, inside]
    assert 0 < np.abs(error).max() < 0.05 * np.ptp(expected)


def test_what_is_lost_on_average_goes_into_the_bias():
    image = layers.Input((16, 16, 3), name="image")
    network = folded(keras.Model(image, layers.Conv2D(4, 1, name="one")(image)))
    crops = np.random.default_rng(0).random((4, 16, 16, 3)).astype(np.float32)
    expected = network(crops).numpy()
    with rounded_weights(network, crops):
        error = network(crops).numpy() - expected
    assert np.abs(error).max() > 1e-4
    np.testing.assert_allclose(error.mean(axis=(0, 1, 2)), 0, atol=1e-6)


def test_int8_files_hold_weights_rounded_in_turn():
    """Grey images: the second weight loses 0.4 steps, and the third takes them up."""
    image = layers.Input((16, 16, 3), name="image")
    network = folded(keras.Model(image, layers.Conv2D(1, 1, name="one")(image)))
    steps = np.array([127, 0.4, 0.4], np.float32).reshape(1, 1, 3, 1)
    network.layers[-1].set_weights([steps / 127, np.zeros(1, np.float32)])
    crops = np.random.default_rng(0).random((8, 16, 16, 1)).astype(np.float32)
    content = to_tflite(network, "int8", crops.repeat(3, axis=-1))
    interpreter = Interpreter(model_content=content)
    kernels = [
        interpreter.get_tensor(each["index"]).ravel().tolist()
        for each in interpreter.get_tensor_details()
        if each["dtype"] == np.int8 and tuple(each["shape"]) == (1, 1, 1, 3)
    ]
    assert kernels == [[127, 0, 1]]


@pytest.mark.parametrize("fails", ["rounding", "what is done with it"])
def test_weights_come_back_after_an_error(network, crops, fails, monkeypatch):
    before, last = network.get_weights(), network.layers[-1]
    if fails == "rounding":
        monkeypatch.setattr(last, "set_weights", None)
    with pytest.raises((RuntimeError, TypeError)), rounded_weights(network, crops):
        raise RuntimeError
    for one, other in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
