import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.models.precision import with_precision
from fpd_tf.training.build import compiled_distiller
from fpd_tf.training.fused_norm import FUSED, FusedBatchNormalization

SHAPE = (2, 5, 4, 3)


def both(**settings):
    """Keras's layer and the fused one, with the same weights far from their start."""
    layers = [
        kind(epsilon=1e-3, **settings)
        for kind in (keras.layers.BatchNormalization, FusedBatchNormalization)
    ]
    generator = np.random.default_rng(0)
    for layer in layers:
        layer.build(SHAPE)
    weights = [generator.uniform(0.5, 2, 3) for _ in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def run_layer(layer, inputs, **call):
    """Outputs, gradients of inputs and weights, and the statistics afterwards."""
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, **call)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") ** 3)
    gradients = tape.gradient(loss, [inputs, *layer.trainable_weights])
    return [outputs, *gradients, *layer.non_trainable_weights]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("trainable", [True, False])
def test_it_is_keras_s_own_layer(training, trainable):
    inputs = np.random.default_rng(1).normal(2, 3, SHAPE).astype("float32")
    keras_s, fused = (
        run_layer(layer, inputs, training=training)
        for layer in both(momentum=0.6, trainable=trainable)
    )
    assert len(keras_s) == len(fused) == 6
    for one, other in zip(keras_s, fused, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_in_bfloat16_statistics_and_weights_stay_float32():
    inputs = np.random.default_rng(1).normal(2, 3, SHAPE).astype("float32")
    exact = both()[1](inputs, training=True)
    layer = both(dtype="mixed_bfloat16")[1]
    outputs = layer(inputs, training=True)
    assert outputs.dtype == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    np.testing.assert_allclose(tf.cast(outputs, "float32"), exact, atol=0.05)


@pytest.mark.parametrize(
    "settings, shape",
    [({"scale": False}, SHAPE), ({"axis": 1}, SHAPE), ({}, (6, 3))],
)
def test_what_the_operation_cannot_do_is_left_to_keras(settings, shape):
    inputs = np.random.default_rng(1).normal(2, 3, shape).astype("float32")
    layers = keras.layers.BatchNormalization, FusedBatchNormalization
    one, other = (kind(**settings)(inputs, training=True) for kind in layers)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_copied_network_trains_and_predicts_as_the_first():
    keras.utils.set_random_seed(0)
    size = {"num_features": 8, "depth": 1, "input_size": 32, "stem_width": 8}
    network = fpd.stacked_hourglass(num_stacks=1, **size)
    fused = with_precision(network, "float32", layers=FUSED)
    kinds = {type(layer) for layer in fused.layers}
    assert FusedBatchNormalization in kinds
    assert keras.layers.BatchNormalization not in kinds
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    for training in (True, False):  # the second with the statistics of the first
        one, other = (net(images, training=training)[0] for net in (network, fused))
        np.testing.assert_allclose(one, other, atol=2e-4 * np.abs(one).max())


def test_runs_learn_and_are_taught_by_it():
    network, teacher = (
        fpd.stacked_hourglass(
            num_stacks=1, num_features=8, depth=1, input_size=32, stem_width=8
        )
        for _ in range(2)
    )
    distiller = compiled_distiller(network, fpd.TrainConfig(), 1, teacher=teacher)
    for fused in (distiller.student, distiller.teacher):
        kinds = {type(layer) for layer in fused.layers}
        assert FusedBatchNormalization in kinds
        assert keras.layers.BatchNormalization not in kinds
    assert FusedBatchNormalization not in {type(layer) for layer in network.layers}
