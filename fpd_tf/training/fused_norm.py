"""BatchNormalization as one operation of TensorFlow's.

Keras implements it as a dozen elementwise operations, in float32 for any precision; on
a CPU these passes over memory cost more than the convolutions between them.
"""

import keras
import tensorflow as tf


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """The same layer, weights and statistics, faster on (B, H, W, C) tensors.

    For copies that train or predict; save the network with Keras's own layer.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.training.fused_norm import FusedBatchNormalization
        >>> layer = FusedBatchNormalization(momentum=0.5)
        >>> outputs = layer(np.full((2, 4, 4, 3), 5.0, np.float32), training=True)
        >>> layer.moving_mean.numpy().tolist()
        [2.5, 2.5, 2.5]
    """

    def call(self, inputs, training=None, mask=None):
        if mask is not None or not self._suits(inputs.shape):
            return super().call(inputs, training=training, mask=mask)
        if not (training and self.trainable):
            known = {"mean": self.moving_mean, "variance": self.moving_variance}
            return self._normalised(inputs, is_training=False, **known)[0]
        unknown = {"mean": tf.zeros([0]), "variance": tf.zeros([0])}
        outputs, mean, variance = self._normalised(inputs, is_training=True, **unknown)
        self._move(self.moving_mean, mean)
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
        self._move(self.moving_variance, variance * (1 - 1 / count))  # Keras: biased
        return outputs

    def _suits(self, shape):
        channels_last = len(shape) == 4 and self.axis in (-1, 3)
        plain = self.scale and self.center and not (self.renorm or self.synchronized)
        return channels_last and plain

    def _normalised(self, inputs, **how):
        weights = {"scale": self.gamma, "offset": self.beta}
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, epsilon=self.epsilon, **weights, **how
        )
        return outputs, mean, variance

    def _move(self, average, value):
        average.assign(average * self.momentum + value * (1 - self.momentum))


FUSED = {keras.layers.BatchNormalization: FusedBatchNormalization}
