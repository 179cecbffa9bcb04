"""Parameters and multiply-adds of any network of convolutions."""

import math
from dataclasses import dataclass

import keras

from fpd_tf.errors import InputError


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
        model: a Functional model of fixed size; models inside it count.

    Raises:
        InputError: a model of another kind, or of any size.

    Example:
        >>> import fpd_tf as fpd
        >>> round(fpd.model_cost(fpd.build_model("hourglass_1x256")).giga_operations, 2)
        10.3
    """
    shapes = [tensor.shape[1:] for tensor in getattr(model, "inputs", None) or ()]
    if not shapes or any(None in shape for shape in shapes):
        expected = "a Functional network of fixed size"
        received = shapes or type(model).__name__
        raise InputError(getattr(model, "name", "model"), "input", expected, received)
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return Cost(parameters, _multiply_adds(model))


def _multiply_adds(layer) -> int:
    """Each kernel element is used once at each output position of its convolution."""
    if isinstance(layer, keras.Model):
        return sum(map(_multiply_adds, layer.layers))
    if not hasattr(layer, "kernel"):
        return 0
    return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
