"""Copies of a network with another dtype policy."""

from collections.abc import Mapping
from types import MappingProxyType

import keras

from fpd_tf.errors import InputError, reason_of


def with_precision(
    model: keras.Model,
    policy: str,
    *,
    synchronized: bool = False,
    layers: Mapping[type, type] = MappingProxyType({}),
) -> keras.Model:
    """Copies a Functional or Sequential network and its weights in another precision.

    Models inside it are copied likewise. Its heatmaps are still float32.

    Args:
        model: of any precision; stays as it is.
        policy: a Keras dtype policy such as "float32" or "mixed_bfloat16".
        synchronized: let BatchNormalization see the batches of all replicas, to train
            under a `tf.distribute` strategy; on TensorFlow only. Save the model that
            was copied: the flag would travel with the copy's file.
        layers: layer class -> class to replace it, with the same settings and
            weights, such as `training.fused_norm.FUSED`.

    Raises:
        InputError: no such policy, or a layer cannot be copied, such as a Lambda.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.precision import with_precision
        >>> model = fpd.build_model("tiny", input_size=64)
        >>> fast = with_precision(model, "mixed_bfloat16")
        >>> fast.get_layer("stem_conv").compute_dtype, fast.outputs[0].dtype
        ('bfloat16', 'float32')
    """

    try:
        keras.dtype_policies.get(policy)
    except ValueError as error:
        expected = "one of Keras, such as float32 or mixed_bfloat16"
        raise InputError("policy", "", expected, repr(policy)) from error
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)

    def copy(layer):
        if not isinstance(layer, keras.layers.Layer):  # an operation of keras.ops
            return type(layer).from_config(layer.get_config())
        config = layer.get_config()
        if layer.name not in model.output_names:
            config |= {"dtype": policy}
        if synchronized and isinstance(layer, keras.layers.BatchNormalization):
            config |= {"synchronized": True}
        try:
            return layers.get(type(layer), type(layer)).from_config(config)
        except (TypeError, ValueError) as error:
            sentence = (
                "cannot be copied; write it as a Layer with get_config and "
                f"@keras.saving.register_keras_serializable(): {reason_of(error)}"
            )
            raise InputError.plain(model.name, layer.name, sentence) from error

    copied = keras.models.clone_model(model, clone_function=copy, recursive=True)
    copied.set_weights(model.get_weights())
    return _with_float32_heatmaps(copied)


def _with_float32_heatmaps(model):
    """The model, its last layers followed by casts where they compute otherwise."""
    if all(heatmaps.dtype == "float32" for heatmaps in model.outputs):
        return model
    cast = [keras.ops.cast(heatmaps, "float32") for heatmaps in model.outputs]
    return keras.Model(model.inputs, cast, name=model.name)
