import keras
import pytest

from fpd_tf.errors import InputError
from fpd_tf.models.cost import model_cost


def test_parameters_and_multiply_adds_by_hand():
    layers = keras.layers
    images = layers.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(images)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.Flatten()(layers.ReLU()(x))
    cost = model_cost(keras.Model(images, layers.Dense(5)(x)))
    assert cost.parameters == (3 * 3 * 2 * 4 + 4) + 2 * 4 + 3 * 3 * 4 + (64 * 5 + 5)
    assert cost.multiply_adds == 4 * 4 * (3 * 3 * 2 * 4) + 4 * 4 * (3 * 3 * 4) + 64 * 5
    assert cost.giga_operations == 2 * cost.multiply_adds / 1e9


def test_a_model_inside_counts():
    """3 x 3 x 3 x 2 weights at 6 x 6 places, then 2 x 5 at as many."""
    image = keras.Input((8, 8, 3))
    inner = keras.Model(image, keras.layers.Conv2D(2, 3, use_bias=False)(image))
    outer = keras.layers.Conv2D(5, 1, use_bias=False)(inner(image))
    cost = model_cost(keras.Model(image, outer))
    assert (cost.parameters, cost.multiply_adds) == (64, 36 * 64)


def test_what_has_no_size_is_refused():
    image = keras.Input((None, None, 3))
    any_size = keras.Model(image, keras.layers.Conv2D(2, 3)(image), name="any")
    with pytest.raises(InputError, match="any: input: expected a Functional network"):
        model_cost(any_size)
    with pytest.raises(InputError, match="fixed size. Received: Model"):
        model_cost(keras.Model())
