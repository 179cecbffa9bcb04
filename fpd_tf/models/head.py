"""The heatmap head of networks that are not hourglasses.

B batch, S input size, K joints.
"""

from collections.abc import Mapping

from keras import initializers, layers


def top_down_head(
    features: Mapping[int, object],
    num_features: int,
    num_joints: int,
    upsampling: str,
):
    """Upsamples the coarsest features to a quarter of the input, and to heatmaps.

    At each step the backbone's features of that size are added, and one separable block
    follows the sum. The last convolution has small initial weights, as in the
    hourglass.

    Args:
        features: stride -> tensor of the backbone, 4 among them.
        num_features: channels of the head.
        num_joints: K.
        upsampling: "nearest" or "bilinear".

    Returns:
        (B, S/4, S/4, K) float32 heatmap tensor.
    """
    coarsest, *finer = sorted(features, reverse=True)
    x = _lateral(features[coarsest], num_features, f"head_{coarsest}")
    for stride in finer:
        name = f"head_{stride}"
        upsample = layers.UpSampling2D(
            interpolation=upsampling, name=f"{name}_upsample"
        )
        lateral = _lateral(features[stride], num_features, name)
        x = layers.Add(name=f"{name}_add")([upsample(x), lateral])
        x = depthwise(x, 3, 1, f"{name}_dw")
        x = pointwise(x, num_features, f"{name}_pw", relu=True)
    small = initializers.RandomNormal(stddev=1e-3)
    x = layers.Conv2D(num_joints, 1, kernel_initializer=small, name="score_conv")(x)
    return layers.Activation("linear", dtype="float32", name="stack0_heatmaps")(x)


def pointwise(x, filters: int, name: str, *, relu: bool):
    """1x1 convolution, BatchNorm and, where asked, ReLU6."""
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_conv")(x)
    return normalised(x, name, relu=relu)


def depthwise(x, kernel_size: int, stride: int, name: str):
    """Depthwise convolution, BatchNorm and ReLU6."""
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,
        name=f"{name}_conv",
    )(x)
    return normalised(x, name, relu=True)


def normalised(x, name: str, *, relu: bool):
    """BatchNorm and, where asked, ReLU6."""
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def scaled_channels(filters: int, width: float) -> int:
    """Scaled to the nearest multiple of 8 that loses at most a tenth."""
    scaled = max(8, int(filters * width + 4) // 8 * 8)
    return scaled + 8 if scaled < 0.9 * filters * width else scaled


def _lateral(x, filters, name):
    return pointwise(x, filters, f"{name}_lateral", relu=False)
