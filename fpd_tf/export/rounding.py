"""Weights rounded to int8 one after the other, each compensating earlier errors.

A kernel's weights are rounded in turn. The error of each is compensated by those not
rounded yet, as far as their inputs on photographs are correlated: Frantar et al., GPTQ
(ICLR 2023), after Hassibi and Stork's optimal brain surgeon (1992). The remaining mean
error goes into the bias. PCK@0.2 of `pose-small`, a MoveNet Lightning network, over the
limb joints of athletes (LSP-extended) and everyday people (COCO) (`fpd compare`):

| weights                         | athletes | everyday people |
|---------------------------------|----------|-----------------|
| float                           |     68.0 |            69.0 |
| int8, each to the nearest       |     67.4 |            64.5 |
| int8, one after the other       |     67.9 |            68.3 |

Rounding only its first depthwise convolution to the nearest values moved 16 % of the
peaks of 40 of these people by more than three cells.

C output channels, n weights in each.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import layers

from fpd_tf.export.fold import layer_by_layer

LARGEST = 127
DAMPING = 0.01
IMAGES, PLACES = 32, 512  # places of a feature map whose surroundings are measured


@contextmanager
def rounded_weights(network: keras.Model, crops: np.ndarray) -> Iterator[None]:
    """Within it, a network's kernels are multiples of their channels' int8 scales.

    Args:
        network: of `folded`; its weights are restored afterwards.
        crops: (N, S, S, 3) float32 RGB in [0, 1] of photographs.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.fold import folded
        >>> from fpd_tf.export.rounding import rounded_weights
        >>> network = folded(fpd.build_model("tiny", input_size=64))
        >>> with rounded_weights(network, np.ones((1, 64, 64, 3), "f4")):
        ...     kernel, _ = network.layers[1].get_weights()
        >>> codes = 127 * kernel / np.abs(kernel).max(axis=(0, 1, 2))
        >>> bool(np.allclose(codes, codes.round(), atol=1e-3))
        True
    """
    before = network.get_weights()
    seen = _what_kernels_see(network, crops[:: max(1, len(crops) // IMAGES)])
    try:
        for name, (moments, means) in seen.items():
            _round(network.get_layer(name), moments, means)
        yield
    finally:
        network.set_weights(before)


def rounded_in_turn(rows: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Rows of weights as multiples of a scale each, the largest of a row being 127.

    Args:
        rows: (C, n).
        moments: second moments of what the weights are multiplied by, (n, n) for all
            rows or (C, n, n).

    Returns:
        (C, n) float64.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.export.rounding import rounded_in_turn
        >>> alike = np.ones((3, 3))  # only the sum of the weights counts
        >>> rows = np.array([[127.0, 0.4, 0.4]])
        >>> rounded_in_turn(rows, alike).round(3).tolist()
        [[127.0, 0.0, 1.0]]
    """
    left, rounded = rows.astype(np.float64), np.zeros(rows.shape)
    largest = np.abs(left).argmax(axis=1)
    peaks = left[np.arange(len(left)), largest]
    scales = np.maximum(np.abs(peaks) / LARGEST, np.finfo(np.float32).tiny)
    spread = _spread(moments)
    for at in range(left.shape[1]):
        codes = np.clip(np.round(left[:, at] / scales), -LARGEST, LARGEST)
        rounded[:, at] = np.where(largest == at, peaks, codes * scales)
        lost = (left[:, at] - rounded[:, at]) / spread[..., at, at]
        left[:, at + 1 :] -= lost[:, None] * np.atleast_2d(spread[..., at, at + 1 :])
    return rounded


def _spread(moments):
    """Upper Cholesky factor of the damped moments' inverse: where a loss goes."""
    size = moments.shape[-1]
    damping = DAMPING * np.trace(moments, axis1=-2, axis2=-1)[..., None, None] / size
    damping = damping + np.finfo(np.float32).eps * (1 + np.abs(moments).max())
    inverse = np.linalg.inv(moments + damping * np.eye(size))
    return np.swapaxes(np.linalg.cholesky(inverse), -1, -2)


def _what_kernels_see(network, crops):
    """{layer: second moments and means of what its weights are multiplied by}."""
    sums = {}

    def run(layer, given):
        if _has_kernel(layer):
            columns = _columns(layer, np.asarray(given))
            moments = np.swapaxes(columns, -1, -2) @ columns
            parts = moments, columns.sum(axis=-2), columns.shape[-2]
            before = sums.get(layer.name, (0, 0, 0))
            pairs = zip(before, parts, strict=True)
            sums[layer.name] = [one + other for one, other in pairs]
        return layer(given)

    for crop in crops:
        layer_by_layer(network, crop[None], run)
    return {
        name: (moments / count, means / count)
        for name, (moments, means, count) in sums.items()
    }


def _has_kernel(layer):
    """Whether there are several weights that errors can go between."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return layer.depth_multiplier == 1 and layer.kernel_size != (1, 1)
    return isinstance(layer, layers.Conv2D) and layer.groups == 1


def _columns(layer, features):
    """(places, n), or of a depthwise convolution (C, places, n), float64."""
    patches = keras.ops.image.extract_patches(
        features,
        layer.kernel_size,
        strides=layer.strides,
        dilation_rate=layer.dilation_rate,
        padding=layer.padding,
    )
    columns = np.asarray(patches, np.float64).reshape(-1, patches.shape[-1])
    columns = columns[:: max(1, len(columns) // PLACES)]
    if isinstance(layer, layers.DepthwiseConv2D):
        by_channel = columns.reshape(len(columns), -1, features.shape[-1])
        return by_channel.transpose(2, 0, 1)
    return columns


def _round(layer, moments, means):
    kernel, *bias = layer.get_weights()
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    channels = kernel.shape[2] if depthwise else kernel.shape[3]
    rows = kernel.reshape(-1, channels).T
    rounded = rounded_in_turn(rows, moments)
    on_average = ((rows - rounded) * means).sum(axis=1)
    layer.set_weights(
        [rounded.T.reshape(kernel.shape), *(each + on_average for each in bias)]
    )
