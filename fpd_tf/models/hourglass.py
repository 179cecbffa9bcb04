"""The stacked hourglass of Newell et al. (ECCV 2016), teacher and student of the paper.

B batch, S input size, H = W = S / 4 heatmap size, K joints.
"""

from collections.abc import Sequence

import keras
from keras import initializers, layers

from fpd_tf.errors import InputError
from fpd_tf.models.image import image_input

BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5


def stacked_hourglass(
    *,
    num_stacks: int = 8,
    num_features: int = 256,
    num_joints: int = 16,
    input_size: int = 256,
    num_blocks: int = 1,
    depth: int = 4,
    stem_width: int = 64,
    pooled_width: int | None = None,
    stem_padding: int | None = None,
    color_scale: float | Sequence[float] = 4.0,
    color_offset: float | Sequence[float] = -2.0,
    upsampling: str = "nearest",
    name: str = "stacked_hourglass",
) -> keras.Model:
    """Builds a stacked hourglass: images in, one heatmap tensor for each stack out.

    The stem has a fixed width (7x7 convolution to `stem_width`, residuals to twice
    that), as in the original Torch network; the parameters and operations of narrow
    students then equal the paper's Table 5.

    Args:
        num_stacks: hourglasses in series (paper: stages).
        num_features: channels of the residual stream (paper: 256 and 128).
        num_joints: K, channels of each heatmap tensor.
        input_size: S, a multiple of 4 * 2**depth pixels.
        num_blocks: residual blocks at each place of the hourglass.
        depth: halvings inside one hourglass.
        stem_width: channels of the first convolution.
        pooled_width: channels of the residual after the stem's pooling, by default
            twice `stem_width`; the PyTorch ports have four times.
        stem_padding: zeros on each side of what the first convolution reads, 3 in the
            PyTorch ports; by default as Keras pads, 2 before and 3 after, which moves
            the crop by one pixel against 3.
        color_scale: factor on the image's values, one or for each of R, G, B.
        color_offset: added after it, one or for each of R, G, B.
        upsampling: "nearest" (the paper's) or "bilinear".
        name: of the network.

    Returns:
        A Functional model from (B, S, S, 3) float32 RGB in [0, 1] to a list of
        `num_stacks` tensors (B, H, W, K) float32; the last is the prediction.

    Raises:
        InputError: a count below 1, or an input size that does not suit the depth.

    Example:
        >>> from fpd_tf.models.hourglass import stacked_hourglass
        >>> model = stacked_hourglass(num_stacks=1, num_features=8, input_size=64)
        >>> model.outputs[-1].shape
        (None, 16, 16, 16)
    """
    counts = {"num_stacks": num_stacks, "num_blocks": num_blocks, "depth": depth}
    for field, count in counts.items():
        if count < 1:
            raise InputError(field, "", "1 or more", count)
    if input_size % (4 * 2**depth):
        expected = f"a multiple of {4 * 2**depth} for depth {depth}"
        raise InputError("input_size", "", expected, input_size)
    images = image_input(input_size)
    x = layers.Rescaling(color_scale, color_offset, name="normalize")(images)
    pooled_width = pooled_width or 2 * stem_width
    x = _stem(x, stem_width, pooled_width, num_features, stem_padding)
    heatmaps = []
    for stack in range(num_stacks):
        prefix = f"stack{stack}"
        y = _hourglass(x, depth, num_blocks, upsampling, f"{prefix}_hg")
        y = _residuals(y, num_features, num_blocks, f"{prefix}_out")
        y = _conv(y, num_features, 1, name=f"{prefix}_lin_conv")
        y = _bn_relu(y, f"{prefix}_lin")
        score = _conv(y, num_joints, 1, start=0.01, name=f"{prefix}_score_conv")
        heatmaps.append(
            layers.Activation("linear", dtype="float32", name=f"{prefix}_heatmaps")(
                score
            )
        )
        if stack < num_stacks - 1:
            y = _conv(y, num_features, 1, name=f"{prefix}_remap_features_conv")
            z = _conv(score, num_features, 1, name=f"{prefix}_remap_score_conv")
            x = layers.Add(name=f"{prefix}_next")([x, y, z])
    return keras.Model(images, heatmaps, name=name)


def _stem(x, width, pooled_width, num_features, padding):
    if padding is not None:
        x = layers.ZeroPadding2D(padding, name="stem_pad")(x)
    around = "same" if padding is None else "valid"
    x = _conv(x, width, 7, strides=2, padding=around, name="stem_conv")
    x = _bn_relu(x, "stem")
    x = _residual(x, 2 * width, "stem_res0")
    x = layers.MaxPooling2D(name="stem_pool")(x)
    x = _residual(x, pooled_width, "stem_res1")
    return _residual(x, num_features, "stem_res2")


def _hourglass(x, depth, num_blocks, upsampling, name):
    """13 residuals at depth 4: up, down and back at each level, one at the bottom."""
    features = x.shape[-1]
    up = _residuals(x, features, num_blocks, f"{name}{depth}_up")
    low = layers.MaxPooling2D(name=f"{name}{depth}_pool")(x)
    low = _residuals(low, features, num_blocks, f"{name}{depth}_low1")
    if depth > 1:
        low = _hourglass(low, depth - 1, num_blocks, upsampling, name)
    else:
        low = _residuals(low, features, num_blocks, f"{name}{depth}_low2")
    low = _residuals(low, features, num_blocks, f"{name}{depth}_low3")
    low = layers.UpSampling2D(interpolation=upsampling, name=f"{name}{depth}_upsample")(
        low
    )
    return layers.Add(name=f"{name}{depth}_add")([up, low])


def _residuals(x, filters, count, name):
    for block in range(count):
        x = _residual(x, filters, f"{name}_res{block}")
    return x


def _residual(x, filters, name):
    """Pre-activation bottleneck: thrice BN-ReLU-convolution, added to the identity."""
    y = _bn_relu(x, f"{name}_1")
    y = _conv(y, filters // 2, 1, name=f"{name}_1_conv")
    y = _bn_relu(y, f"{name}_2")
    y = _conv(y, filters // 2, 3, name=f"{name}_2_conv")
    y = _bn_relu(y, f"{name}_3")
    y = _conv(y, filters, 1, name=f"{name}_3_conv")
    if x.shape[-1] != filters:
        x = _conv(x, filters, 1, name=f"{name}_skip_conv")
    return layers.Add(name=f"{name}_add")([x, y])


def _bn_relu(x, name):
    x = layers.BatchNormalization(
        momentum=BN_MOMENTUM, epsilon=BN_EPSILON, name=f"{name}_bn"
    )(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _conv(x, filters, kernel_size, *, strides=1, padding="same", start=1.0, name):
    """Convolution with Torch's initial weights, uniform within 1 / sqrt(fan_in).

    Those of the heatmaps are a hundredth as large (`start`), since most of a heatmap is
    zero; otherwise the first thousand steps only reduce noise.
    """
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        kernel_initializer=initializers.VarianceScaling(
            start**2 / 3, "fan_in", "uniform"
        ),
        name=name,
    )(x)
