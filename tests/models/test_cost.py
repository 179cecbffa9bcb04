import keras

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
