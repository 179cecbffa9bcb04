"""The same network computing in another number format."""

import keras


def with_precision(model: keras.Model, policy: str) -> keras.Model:
    """Copies a Functional network, weights included, under another dtype policy.

    The heatmaps it gives stay float32.

    Args:
        policy: a Keras dtype policy such as "float32" or "mixed_bfloat16".

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.precision import with_precision
        >>> model = fpd.build_model("hourglass_1x256", input_size=64)
        >>> fast = with_precision(model, "mixed_bfloat16")
        >>> fast.get_layer("stem_conv").compute_dtype, fast.outputs[0].dtype
        ('bfloat16', 'float32')
    """

    def copy(layer):
        keep = layer.name in model.output_names
        config = layer.get_config()
        return type(layer).from_config(config if keep else config | {"dtype": policy})

    copied = keras.models.clone_model(model, clone_function=copy)
    copied.set_weights(model.get_weights())
    return copied
