"""Parameters and multiply-adds of any network of convolutions."""

import math
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Cost:
    """Parameters and operations of a network.

    Args:
        parameters: trainable parameters (the paper's #Param).
        multiply_adds: of its convolutions and dense layers, for one image.
    """

    parameters: int
    multiply_adds: int

    @property
    def giga_operations(self) -> float:
        """G operations of the paper's tables: 2 x multiply-adds / 1e9."""
        return 2 * self.multiply_adds / 1e9


def model_cost(model: keras.Model) -> Cost:
    """Counts trainable parameters and the multiply-adds of one image.

    Args:
        model: a built Functional model.

    Example:
        >>> import fpd_tf as fpd
        >>> round(fpd.model_cost(fpd.build_model("hourglass_1x256")).giga_operations, 2)
        10.3
    """
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return Cost(parameters, sum(_multiply_adds(layer) for layer in model.layers))


def _multiply_adds(layer) -> int:
    """Each kernel element is used once at each output position of its convolution."""
    if not hasattr(layer, "kernel"):
        return 0
    return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
