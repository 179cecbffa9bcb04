"""MoveNet's published .tflite as a trainable Keras network.

The layer names are lost in the .tflite, so convolutions are paired by position: both
networks are traversed from the heatmaps back to the image.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
from keras import layers

from fpd_tf.contract.tflite_file import TfliteFile, builtin_name, dtype_of, shape_of
from fpd_tf.errors import InputError
from fpd_tf.joint_maps import joint_map
from fpd_tf.joints import COCO, JointSet
from fpd_tf.models.keras_file import named_network
from fpd_tf.models.movenet import movenet_pose
from fpd_tf.models.stacks import as_stacks
from fpd_tf.predictors.movenet import as_levels, is_movenet
from fpd_tf.predictors.tflite_network import TfliteNetwork
from fpd_tf.quiet import quiet

TOLERANCE = 1e-3
EYES = ("right_eye", "left_eye")
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_FLOATS = {"float16": np.float16, "float32": np.float32}
_STEM_CHANNELS = 32


def import_movenet(path: str | Path, joint_set: JointSet) -> keras.Model:
    """Reads MoveNet for one person (Lightning or Thunder) as a trainable network.

    Joints are matched by name. A midpoint, such as the neck, is initialised with the
    mean weights of its two joints, the top of the head with those of the eyes, any
    other joint that COCO lacks with the mean of all. The heatmaps of COCO's joints are
    checked against the file's on an image of noise.

    Args:
        path: the .tflite, of float16 or float32 weights.
        joint_set: K joints of the new network.

    Returns:
        `movenet_pose` of the file's width and size, from (B, S, S, 3) float32 RGB in
        [0, 1] to a list of one (B, S/4, S/4, K), knowing its joints.

    Raises:
        InputError: no MoveNet for one person, quantized weights, heatmaps that differ
            from the file's by more than `TOLERANCE`, or no joint in common.

    Example:
        >>> from fpd_tf import LSP
        >>> from fpd_tf.imports.movenet import import_movenet
        >>> import_movenet("movenet-lightning.tflite", LSP)  # doctest: +SKIP
    """
    rows = _rows(joint_set)
    published = PublishedMovenet(path)
    network = published.network()
    noise = np.random.default_rng(0).random((1, *network.input_shape[1:]))
    noise = noise.astype(np.float32)
    published.check_equal(network, noise)
    mapped = movenet_pose(
        width=published.width,
        num_joints=joint_set.num_joints,
        input_size=published.input_size,
        name=network.name,
    )
    *kept, kernel, bias = network.get_weights()
    means = [
        np.stack([each[..., row].mean(-1) for row in rows], -1)
        for each in (kernel, bias)
    ]
    mapped.set_weights([*kept, *means])
    return named_network(mapped, joint_set)


class PublishedMovenet:
    """The parts of a MoveNet's .tflite that its heatmaps come from.

    Args:
        path: the file.

    Attributes:
        path: of the file.
        input_size: S, pixels.
        width: of `movenet_pose`.

    Raises:
        InputError: damaged, or no MoveNet for one person.
    """

    def __init__(self, path: str | Path):
        self._file = TfliteFile(path)
        self.path = self._file.path
        opened = TfliteNetwork(self._file)
        self.input_size, self._dtype = opened.input_size, opened.dtype
        if not is_movenet(opened.shapes):
            raise self._is_none(f"outputs {opened.shapes}")
        self._graph = self._file.model.subgraphs[0]
        self._made_by = {
            int(made): operator
            for operator in self._graph.operators
            for made in operator.outputs
        }
        self._heatmaps = self._find_heatmaps()
        self.width = self._find_width()

    def network(self) -> keras.Model:
        """Of COCO's joints, with the weights of the file."""
        network = movenet_pose(
            width=self.width, num_joints=COCO.num_joints, input_size=self.input_size
        )
        wanted, given = _convolutions(network), self._convolutions
        if len(wanted) != len(given):
            raise self._is_none(f"{len(given)} convolutions before its heatmaps")
        for layer, operator in zip(wanted, given, strict=True):
            kernel, bias = (self._constant(at) for at in operator.inputs[1:3])
            kernel = kernel.transpose(1, 2, 3, 0)
            if kernel.shape != layer.kernel.shape or bias.shape != layer.bias.shape:
                raise self._is_none(f"{kernel.shape} for weights of {layer.name}")
            layer.set_weights([kernel, bias])
        return network

    def heatmaps(self, images: np.ndarray) -> np.ndarray:
        """The heatmaps inside the file.

        Args:
            images: (B, S, S, 3) float32 RGB in [0, 1].

        Returns:
            (B, S/4, S/4, 17) float32.
        """
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        with quiet():
            interpreter = Interpreter(
                model_content=self._file.content,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            interpreter.allocate_tensors()
        (image,) = interpreter.get_input_details()
        found = []
        for levels in as_levels(images, self._dtype):
            interpreter.set_tensor(image["index"], levels[None])
            interpreter.invoke()
            found.append(interpreter.get_tensor(self._heatmaps)[0])
        return np.stack(found)

    def check_equal(self, network: keras.Model, images: np.ndarray) -> None:
        """Checks that a network's heatmaps equal those of the file.

        Args:
            network: of `network()`.
            images: (B, S, S, 3) float32 RGB in [0, 1].

        Raises:
            InputError: they differ by more than `TOLERANCE`.
        """
        levels = np.rint(255 * images) / 255
        (found,) = as_stacks(network(np.float32(levels), training=False))
        difference = np.abs(np.asarray(found) - self.heatmaps(images)).max()
        if not difference <= TOLERANCE:
            raise self._is_none(f"heatmaps that differ by {difference:.3g}")

    @cached_property
    def _convolutions(self):
        """Its operators, from the heatmaps back to the image."""
        chosen = _backwards(self._heatmaps, self._feeding)
        operators = [self._made_by[at] for at in chosen if at in self._made_by]
        return [each for each in operators if self._kind(each) in _CONVOLUTIONS]

    def _feeding(self, tensor):
        operator = self._made_by.get(tensor)
        if operator is None:
            return []
        inputs = [int(at) for at in operator.inputs]
        return inputs[:1] if self._kind(operator) in _CONVOLUTIONS else inputs

    def _find_heatmaps(self):
        for operator in self._graph.operators:
            if self._kind(operator) == "LOGISTIC":
                shape = self._shape(operator.inputs[0])
                if len(shape) == 4 and shape[3] == COCO.num_joints:
                    return int(operator.outputs[0])
        raise self._is_none("no logistic of 17 channels")

    def _find_width(self):
        kernels = [
            self._shape(each.inputs[1])
            for each in self._graph.operators
            if self._kind(each) == "CONV_2D"
        ]
        width = kernels[0][0] / _STEM_CHANNELS if kernels else 0
        if not 0.25 <= width <= 2:
            raise self._is_none(f"a first convolution of {kernels[:1]}")
        return width

    def _constant(self, tensor):
        """An array, also where it is kept as float16 and made wider when it runs."""
        operator = self._made_by.get(int(tensor))
        if operator is not None and self._kind(operator) == "DEQUANTIZE":
            tensor = operator.inputs[0]
        constant = self._graph.tensors[tensor]
        kind = dtype_of(constant)
        if kind not in _FLOATS:
            expected = "float16 or float32: take the file that is not quantized"
            raise InputError(self.path, "weights", expected, kind)
        data = self._file.model.buffers[constant.buffer].data
        if data is None:
            raise self._is_none("a convolution whose weights are computed")
        values = np.asarray(data, np.uint8).view(_FLOATS[kind])
        return values.reshape(shape_of(constant)).astype(np.float32)

    def _kind(self, operator):
        return builtin_name(self._file.model.operatorCodes[operator.opcodeIndex])

    def _shape(self, tensor):
        return shape_of(self._graph.tensors[tensor])

    def _is_none(self, received):
        expected = "MoveNet for one person (Lightning or Thunder), as published"
        return InputError(self.path, "", expected, received)


def _rows(joint_set):
    """For each joint the rows of COCO's joints whose mean it starts from."""
    eyes = tuple(map(COCO.index, EYES))
    every = tuple(range(COCO.num_joints))
    top = joint_set.find("head_top")
    return [
        list(row or (eyes if at == top else every))
        for at, row in enumerate(joint_map(COCO, joint_set).rows)
    ]


def _convolutions(network):
    """Its layers, from the heatmaps back to the image."""
    made_by = {id(layer.output): layer for layer in network.layers}

    def feeding(layer):
        if isinstance(layer, layers.InputLayer):
            return []
        return [made_by[id(fed)] for fed in keras.tree.flatten(layer.input)]

    order = _backwards(made_by[id(network.outputs[-1])], feeding)
    return [each for each in order if hasattr(each, "kernel")]


def _backwards(last: object, feeding: Callable[[object], Iterable]) -> list:
    """All that leads to `last`, in an order that equal networks have in common."""
    waiting, seen = [last], {}
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen[each] = True
            waiting.extend(feeding(each))
    return list(seen)
