"""The heatmap part of MoveNet for one person, as in its published .tflite files.

Google's model card of MoveNet.SinglePose (2021) names MobileNetV2, a feature pyramid
and CenterNet's heads; layers and sizes here are read from the published files. The
heads for the person's centre, the regression and the offsets are left out.
"""

from typing import NamedTuple

import keras
from keras import layers

from fpd_tf.errors import InputError
from fpd_tf.models.head import scaled_channels
from fpd_tf.models.image import image_input


class _Stage(NamedTuple):
    """Sandler et al. (CVPR 2018), Table 2."""

    repeats: int
    stride: int
    expansion: int
    filters: int


_STAGES = (
    _Stage(1, 1, 1, 16),
    _Stage(2, 2, 6, 24),
    _Stage(3, 2, 6, 32),
    _Stage(4, 2, 6, 64),
    _Stage(3, 1, 6, 96),
    _Stage(3, 2, 6, 160),
    _Stage(1, 1, 6, 320),
)
ALL_BLOCKS = sum(stage.repeats for stage in _STAGES)
FEWEST_BLOCKS = 14  # the first of stride 32
_LAST_OF_STRIDE = {4: 1, 8: 2, 16: 3}
_PYRAMID = ((16, 64, 32), (8, 32, 24), (4, 24, 24))  # stride, features in, features out


def movenet_pose(
    *,
    width: float = 1.0,
    blocks: int = ALL_BLOCKS,
    num_joints: int = 16,
    input_size: int = 256,
    name: str = "movenet_pose",
) -> keras.Model:
    """Builds MoveNet's backbone, feature pyramid and joint heatmaps.

    Its convolutions have biases and no BatchNorm, as in the published files. It is
    meant for their weights (`fpd import`) and small learning rates; from random weights
    it learns slowly.

    Args:
        width: multiplier of the backbone's channels; Lightning 1.0, Thunder 1.75.
        blocks: of the backbone, 14 to 17, which the published networks have. With fewer
            the 1x1 convolution to 1280 features is left out too.
        num_joints: K, channels of the heatmaps.
        input_size: S, a multiple of 32 pixels; Lightning 192, Thunder 256.
        name: of the network.

    Returns:
        A Functional model from (B, S, S, 3) float32 RGB in [0, 1] to a list of one
        (B, S/4, S/4, K) float32 heatmap tensor, each value in (0, 1).

    Raises:
        InputError: the input size is no multiple of 32, or no such number of blocks.

    Example:
        >>> from fpd_tf.models.movenet import movenet_pose
        >>> movenet_pose(width=0.25, input_size=64).outputs[0].shape
        (None, 16, 16, 16)
    """
    if input_size % 32:
        raise InputError("input_size", "", "a multiple of 32", input_size)
    if blocks not in range(FEWEST_BLOCKS, ALL_BLOCKS + 1):
        expected = f"{FEWEST_BLOCKS} to {ALL_BLOCKS}"
        raise InputError("blocks", "", expected, blocks)
    images = image_input(input_size)
    x = layers.Rescaling(2.0, offset=-1.0, name="normalize")(images)
    x, laterals = _backbone(x, width, blocks)
    x = _convolution(x, 64, "pyramid_32")
    for stride, filters, filters_out in _PYRAMID:
        name_here = f"pyramid_{stride}"
        lateral = _convolution(laterals[stride], filters, f"{name_here}_lateral")
        finer = layers.UpSampling2D(
            interpolation="bilinear", name=f"{name_here}_upsample"
        )
        x = layers.Add(name=f"{name_here}_add")([finer(x), lateral])
        x = _separable(x, filters_out, name_here)
    x = _separable(x, 96, "score")
    x = layers.Conv2D(num_joints, 1, name="score_conv")(x)
    x = layers.Activation("sigmoid", dtype="float32", name="stack0_heatmaps")(x)
    return keras.Model(images, [x], name=name)


def _backbone(x, width, blocks):
    """The coarsest features, and {stride: the last ones of that size}."""
    x = _convolution(x, scaled_channels(32, width), "stem", 3, strides=2)
    x = layers.ReLU(6.0, name="stem_relu")(x)
    laterals, number = {}, 0
    for at, stage in enumerate(_STAGES):
        filters = scaled_channels(stage.filters, width)
        for repeat in range(stage.repeats):
            if number == blocks:
                return x, laterals
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, stage.expansion, stride, filters, f"block{number}")
            number += 1
        laterals |= {s: x for s, last in _LAST_OF_STRIDE.items() if last == at}
    x = _convolution(x, 1280, "last")
    return layers.ReLU(6.0, name="last_relu")(x), laterals


def _block(x, expansion, stride, filters, name):
    entry = x
    if expansion > 1:
        x = _convolution(x, expansion * x.shape[-1], f"{name}_expand")
        x = layers.ReLU(6.0, name=f"{name}_expand_relu")(x)
    x = _depthwise(x, f"{name}_dw", stride)
    x = layers.ReLU(6.0, name=f"{name}_dw_relu")(x)
    x = _convolution(x, filters, f"{name}_project")
    if stride == 1 and entry.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([entry, x])
    return x


def _separable(x, filters, name):
    x = _depthwise(x, f"{name}_dw")
    x = _convolution(x, filters, f"{name}_pw")
    return layers.ReLU(name=f"{name}_pw_relu")(x)


def _convolution(x, filters, name, kernel_size=1, strides=1):
    return layers.Conv2D(
        filters, kernel_size, strides=strides, padding="same", name=f"{name}_conv"
    )(x)


def _depthwise(x, name, stride=1):
    return layers.DepthwiseConv2D(
        3, strides=stride, padding="same", name=f"{name}_conv"
    )(x)
