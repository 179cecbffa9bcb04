"""A student that is not an hourglass: MobileNetV2 with a light heatmap head."""

from types import ModuleType

import keras

from fpd_tf.errors import InputError

_SKIPS = ("block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu")


def mobilenet_pose(
    *,
    alpha: float = 1.0,
    num_features: int = 64,
    num_joints: int = 16,
    input_size: int = 256,
    upsampling: str = "nearest",
    name: str = "mobilenet_pose",
    keras: ModuleType = keras,
):
    """Builds MobileNetV2 (Sandler et al., CVPR 2018) with a top-down heatmap head.

    The head brings the coarsest features up to a quarter of the input, adding at each
    step the backbone's features of that size, then refines with one separable block.

    Args:
        alpha: width multiplier of the backbone.
        num_features: channels of the head.
        num_joints: K, channels of the heatmaps.
        input_size: S, a multiple of 32 pixels.
        upsampling: "nearest" or "bilinear".
        keras: the module to build with, `keras` or `tf_keras`.

    Returns:
        A Functional model from (B, S, S, 3) float32 RGB in [0, 1] to a list of one
        (B, S/4, S/4, K) float32 heatmap tensor.

    Raises:
        InputError: the input size is no multiple of 32.

    Example:
        >>> from fpd_tf.models.mobile import mobilenet_pose
        >>> mobilenet_pose(alpha=0.35, input_size=64).outputs[0].shape
        (None, 16, 16, 16)
    """
    if input_size % 32:
        raise InputError("input_size", "", "a multiple of 32", input_size)
    layers = keras.layers
    images = layers.Input((input_size, input_size, 3), name="image")
    x = layers.Rescaling(2.0, offset=-1.0, name="normalize")(images)
    backbone = keras.applications.MobileNetV2(
        input_tensor=x, alpha=alpha, include_top=False, weights=None
    )
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.99  # as the head's: 0.999 wants thousands of steps
    x = _lateral(layers, backbone.output, num_features, "head_32")
    for skip, stride in zip(reversed(_SKIPS), (16, 8, 4), strict=True):
        x = layers.UpSampling2D(
            interpolation=upsampling, name=f"head_{stride}_upsample"
        )(x)
        lateral = _lateral(
            layers, backbone.get_layer(skip).output, num_features, f"head_{stride}"
        )
        x = layers.Add(name=f"head_{stride}_add")([x, lateral])
        x = _separable(layers, x, num_features, f"head_{stride}")
    x = layers.Conv2D(num_joints, 1, name="score_conv")(x)
    x = layers.Activation("linear", dtype="float32", name="stack0_heatmaps")(x)
    return keras.Model(images, [x], name=name)


def _lateral(layers, x, filters, name):
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_lateral_conv")(x)
    return layers.BatchNormalization(name=f"{name}_lateral_bn")(x)


def _separable(layers, x, filters, name):
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_dw")(x)
    x = layers.BatchNormalization(name=f"{name}_dw_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_dw_relu")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_pw_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_pw_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_pw_relu")(x)
