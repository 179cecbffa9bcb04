"""Parameters and multiply-adds of any network of convolutions."""

import math
from dataclasses import dataclass
from itertools import chain

import keras
from keras import layers

from fpd_tf.errors import InputError

_KERNELS = "kernel", "depthwise_kernel", "pointwise_kernel"
_TRANSPOSED = layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose


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
        model: a Functional or Sequential model of fixed size; models inside it count,
            and what is used twice counts twice.

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


def _multiply_adds(model) -> int:
    """Those of each layer, each time that the model uses it."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    if not hasattr(graph, "_nodes_by_depth"):
        expected = "a Functional or Sequential model"
        raise InputError(model.name, "", expected, type(model).__name__)
    nodes = chain.from_iterable(graph._nodes_by_depth.values())
    return sum(map(_of_node, nodes))


def _of_node(node):
    """Each element of a kernel is used once at each position of the convolution."""
    layer = node.operation
    if isinstance(layer, keras.Model):
        return _multiply_adds(layer)
    kernels = [getattr(layer, name, None) for name in _KERNELS]
    size = sum(math.prod(kernel.shape) for kernel in kernels if kernel is not None)
    transposed = isinstance(layer, _TRANSPOSED)
    tensor = (node.input_tensors if transposed else node.output_tensors)[0]
    return math.prod(tensor.shape[1:-1]) * size if size else 0
