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


def test_separable_and_transposed_convolutions_by_hand():
    """16 places each: 2 x 2 x 3 + 3 x 5 weights; then 2 x 2 x 4 x 5, by its input."""
    image = keras.Input((8, 8, 3))
    layers = keras.layers
    x = layers.SeparableConv2D(5, 2, strides=2, use_bias=False)(image)
    x = layers.Conv2DTranspose(4, 2, strides=2, use_bias=False)(x)
    cost = model_cost(keras.Model(image, x))
    assert (cost.parameters, cost.multiply_adds) == (27 + 80, 16 * (27 + 80))


def test_what_is_used_twice_counts_twice():
    """9 weights at 64 places, and within a model 27 weights, both twice."""
    image = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(3, 1, use_bias=False)
    inner = keras.Sequential([keras.layers.Conv2D(3, (1, 3), padding="same")])
    cost = model_cost(keras.Model(image, inner(inner(shared(shared(image))))))
    assert cost.multiply_adds == 64 * 2 * (9 + 27)
    row = keras.Sequential([keras.Input((8, 8, 3)), shared])
    assert model_cost(row).multiply_adds == 64 * 9


class Subclassed(keras.Model):
    def call(self, images):
        return images


def test_a_model_inside_whose_layers_are_not_known_is_refused():
    image = keras.Input((8, 8, 3))
    outer = keras.Model(image, Subclassed(name="own")(image))
    with pytest.raises(InputError, match="own: expected a Functional or Sequential"):
        model_cost(outer)


def test_what_has_no_size_is_refused():
    image = keras.Input((None, None, 3))
    any_size = keras.Model(image, keras.layers.Conv2D(2, 3)(image), name="any")
    with pytest.raises(InputError, match="any: input: expected a Functional network"):
        model_cost(any_size)
    with pytest.raises(InputError, match="fixed size. Received: Model"):
        model_cost(keras.Model())
