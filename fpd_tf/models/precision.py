"""Copies of a network with another dtype policy."""

from collections.abc import Mapping
from types import MappingProxyType

import keras


def with_precision(
    model: keras.Model,
    policy: str,
    *,
    synchronized: bool = False,
    layers: Mapping[type, type] = MappingProxyType({}),
) -> keras.Model:
    """Copies a Functional network, weights included, under another dtype policy.

    Its heatmaps are still float32.

    Args:
        model: of any precision; stays as it is.
        policy: a Keras dtype policy such as "float32" or "mixed_bfloat16".
        synchronized: let BatchNormalization see the batches of all replicas, to train
            under a `tf.distribute` strategy; on TensorFlow only. Save the model that
            was copied: the flag would travel with the copy's file.
        layers: layer class -> class to replace it, with the same settings and
            weights, such as `training.fused_norm.FUSED`.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.precision import with_precision
        >>> model = fpd.build_model("tiny", input_size=64)
        >>> fast = with_precision(model, "mixed_bfloat16")
        >>> fast.get_layer("stem_conv").compute_dtype, fast.outputs[0].dtype
        ('bfloat16', 'float32')
    """

    def copy(layer):
        config = layer.get_config()
        if layer.name not in model.output_names:
            config |= {"dtype": policy}
        if synchronized and isinstance(layer, keras.layers.BatchNormalization):
            config |= {"synchronized": True}
        return layers.get(type(layer), type(layer)).from_config(config)

    copied = keras.models.clone_model(model, clone_function=copy)
    copied.set_weights(model.get_weights())
    return copied
