"""MobileNetV2 with a light heatmap head."""

import keras
from keras import layers

from fpd_tf.errors import InputError
from fpd_tf.models.head import top_down_head
from fpd_tf.models.image import image_input

_SKIPS = (
    (4, "block_3_expand_relu"),
    (8, "block_6_expand_relu"),
    (16, "block_13_expand_relu"),
)


def mobilenet_pose(
    *,
    alpha: float = 1.0,
    num_features: int = 64,
    num_joints: int = 16,
    input_size: int = 256,
    upsampling: str = "nearest",
    name: str = "mobilenet_pose",
) -> keras.Model:
    """Builds MobileNetV2 (Sandler et al., CVPR 2018) with a top-down heatmap head.

    Args:
        alpha: width multiplier of the backbone.
        num_features: channels of the head.
        num_joints: K, channels of the heatmaps.
        input_size: S, a multiple of 32 pixels.
        upsampling: "nearest" or "bilinear".
        name: of the network.

    Returns:
        A Functional model from (B, S, S, 3) float32 RGB in [0, 1] to a list of one
        (B, S/4, S/4, K) float32 heatmap tensor.

    Raises:
        InputError: the input size is no multiple of 32.

    Example:
        >>> from fpd_tf.models.mobilenet import mobilenet_pose
        >>> mobilenet_pose(alpha=0.35, input_size=64).outputs[0].shape
        (None, 16, 16, 16)
    """
    if input_size % 32:
        raise InputError("input_size", "", "a multiple of 32", input_size)
    images = image_input(input_size)
    x = layers.Rescaling(2.0, offset=-1.0, name="normalize")(images)
    backbone = keras.applications.MobileNetV2(
        input_tensor=x, alpha=alpha, include_top=False, weights=None
    )
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.99  # as the head's: 0.999 wants thousands of steps
    features = {stride: backbone.get_layer(name).output for stride, name in _SKIPS}
    features[32] = backbone.output
    x = top_down_head(features, num_features, num_joints, upsampling)
    return keras.Model(images, [x], name=name)
