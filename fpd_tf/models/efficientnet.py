"""EfficientNet-Lite with a light heatmap head, for ImageNet weights."""

from dataclasses import dataclass
from math import ceil

import keras
from keras import layers

from fpd_tf.errors import InputError
from fpd_tf.models.head import (
    depthwise,
    normalised,
    pointwise,
    scaled_channels,
    top_down_head,
)
from fpd_tf.models.image import image_input


@dataclass(frozen=True)
class _Stage:
    """Blocks of one size: Tan and Le (ICML 2019), Table 1, from its second row on."""

    repeats: int
    kernel_size: int
    stride: int
    expansion: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_LAST_OF_STRIDE = {4: 1, 8: 2, 16: 4, 32: 6}


def efficientnet_pose(
    *,
    width: float = 1.0,
    depth: float = 1.0,
    coarsest: int = 32,
    num_features: int = 64,
    num_joints: int = 16,
    input_size: int = 256,
    upsampling: str = "nearest",
    name: str = "efficientnet_pose",
) -> keras.Model:
    """Builds EfficientNet-Lite (no squeeze-and-excite, ReLU6) with a top-down head.

    The head upsamples the coarsest features to a quarter of the input. At each step it
    adds the backbone's features of that size, followed by a separable block.

    Args:
        width: multiplier of the backbone's channels; Lite0 and Lite1 1.0, Lite2 1.1.
        depth: multiplier of its blocks; Lite0 1.0, Lite1 1.1, Lite2 1.2.
        coarsest: 16 or 32, the last stride of the backbone; 16 leaves out its largest
            half.
        num_features: channels of the head.
        num_joints: K, channels of the heatmaps.
        input_size: S, a multiple of `coarsest` pixels.
        upsampling: "nearest" or "bilinear".
        name: of the network.

    Returns:
        A Functional model from (B, S, S, 3) float32 RGB in [0, 1] to a list of one
        (B, S/4, S/4, K) float32 heatmap tensor.

    Raises:
        InputError: `coarsest` is another number, or does not divide the input size.

    Example:
        >>> from fpd_tf.models.efficientnet import efficientnet_pose
        >>> efficientnet_pose(coarsest=16, input_size=64).outputs[0].shape
        (None, 16, 16, 16)
    """
    if coarsest not in (16, 32):
        raise InputError("coarsest", "", "16 or 32", coarsest)
    if input_size % coarsest:
        raise InputError("input_size", "", f"a multiple of {coarsest}", input_size)
    images = image_input(input_size)
    x = layers.Rescaling(255 / 128, offset=-127 / 128, name="normalize")(images)
    features = _backbone(x, width, depth, coarsest)
    x = top_down_head(features, num_features, num_joints, upsampling)
    return keras.Model(images, [x], name=name)


def _backbone(x, width, depth, coarsest):
    """{stride: the last features of that size}, from 4 to the coarsest."""
    x = layers.Conv2D(
        32, 3, strides=2, padding="same", use_bias=False, name="stem_conv"
    )(x)
    x = normalised(x, "stem", relu=True)
    features = {}
    last_stage = _LAST_OF_STRIDE[coarsest]
    for number, stage in enumerate(_STAGES[: last_stage + 1]):
        filters = scaled_channels(stage.filters, width)
        ends = number in (0, len(_STAGES) - 1)
        repeats = stage.repeats if ends else ceil(depth * stage.repeats)
        for repeat in range(repeats):
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, stage, stride, filters, f"stage{number}_{repeat}")
        features |= {s: x for s, last in _LAST_OF_STRIDE.items() if last == number}
    return features


def _block(x, stage, stride, filters, name):
    """Inverted bottleneck (Sandler et al., CVPR 2018)."""
    entry = x
    if stage.expansion > 1:
        wide = stage.expansion * x.shape[-1]
        x = pointwise(x, wide, f"{name}_expand", relu=True)
    x = depthwise(x, stage.kernel_size, stride, f"{name}_dw")
    x = pointwise(x, filters, f"{name}_project", relu=False)
    if stride == 1 and entry.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([x, entry])
    return x
