"""BatchNorm folding: a trained network as an equal one with fewer layers.

The hourglass is pre-activation: a BatchNorm after an Add has no convolution before it
to be folded into, and quantization-aware training does not accept it there.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
from keras import layers

from fpd_tf.errors import InputError
from fpd_tf.models.keras_file import (
    joint_set_of_network,
    load_network,
    named_network,
)

_SETTINGS = {
    layers.Activation: ("activation",),
    layers.Add: (),
    layers.Conv2D: ("filters", "kernel_size", "strides", "padding", "data_format")
    + ("dilation_rate", "groups", "activation"),
    layers.DepthwiseConv2D: ("kernel_size", "strides", "padding", "depth_multiplier")
    + ("data_format", "dilation_rate", "activation"),
    layers.MaxPooling2D: ("pool_size", "strides", "padding", "data_format"),
    layers.ReLU: ("max_value", "negative_slope", "threshold"),
    layers.UpSampling2D: ("size", "data_format", "interpolation"),
    layers.ZeroPadding2D: ("padding", "data_format"),
}
_INITIALIZERS = {
    layers.Conv2D: "kernel_initializer",
    layers.DepthwiseConv2D: "depthwise_initializer",
}
_AFFINE = (layers.BatchNormalization, layers.Rescaling)
_RELUS = {None: "relu", 6.0: "relu6"}
_KNOWN = (*_SETTINGS, *_AFFINE, layers.InputLayer)
_ACTIVATIONS = (keras.activations.linear, keras.activations.relu)


def folded(model: keras.Model | str | Path) -> keras.Model:
    """Rewrites a network as an equal one with fewer and simpler layers.

    A BatchNorm or ReLU joins the convolution before it where that feeds nothing else;
    other BatchNorms and Rescaling become 1x1 depthwise convolutions (a shift cannot go
    into a convolution that pads with zeros). Float32, and only what the last output
    needs. Each layer is named after the layer of `model` whose output it gives
    (biases that an Add sums up stand in one of its convolutions), in the characters
    that TensorFlow takes, the last one `heatmaps`.

    Args:
        model: a Functional model with one input of fixed size, or its .keras file.

    Returns:
        A Functional model from `image` (B, S, S, 3) to `heatmaps` (B, H, W, K) that
        knows the joints of `model`.

    Raises:
        InputError: a layer that is not known here, or whose weights are not finite; no
            such file; or a Keras that does not run on TensorFlow.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.fold import folded
        >>> network = fpd.build_model("tiny", num_features=8, input_size=64)
        >>> folded(network).output_names
        ['heatmaps']
    """
    if keras.backend.backend() != "tensorflow":
        expected = "tensorflow to export: save the network, export the .keras file"
        raise InputError("KERAS_BACKEND", "", expected, keras.backend.backend())
    if not isinstance(model, keras.Model):
        model = load_network(model)
    inputs, last = _graph(model)
    uses = Counter(source for sources in inputs.values() for source in sources)
    image = _image(model)
    names = _names(inputs, last)
    values = {}
    for layer, sources in inputs.items():
        given = [
            values[source] if uses[source] == 1 else _tensor(values[source])
            for source in sources
        ]
        values[layer] = _rewritten(layer, given, names[layer]) if given else image
    network = keras.Model(image, _tensor(values[last]), name=f"{model.name}_folded")
    joint_set = joint_set_of_network(model)
    return named_network(network, joint_set) if joint_set else network


class Upsampling(layers.UpSampling2D):
    """Keras's own, as one resize: "nearest" of Keras makes a tensor of five axes."""

    def call(self, features):
        _, *size, _ = self.compute_output_shape(features.shape)
        return keras.ops.image.resize(
            features, size, self.interpolation, data_format=self.data_format
        )


def layer_by_layer(network: keras.Model, image, run: Callable):
    """The output of a folded network when `run` computes each layer.

    Args:
        network: of `folded`.
        image: its input.
        run: called with a layer and its input, a list for an Add.
    """
    values = {id(network.input): image}
    for layer in network.layers[1:]:
        given = keras.tree.map_structure(lambda fed: values[id(fed)], layer.input)
        values[id(layer.output)] = run(layer, given)
    return values[id(network.output)]


def kind_and_settings(layer: layers.Layer) -> tuple[str, dict]:
    """The class name of a folded network's layer in any Keras, and its arguments."""
    kind = next(kind for kind in _SETTINGS if isinstance(layer, kind))
    return kind.__name__, _settings(layer, kind) | {"name": layer.name}


def _names(old, last):
    """{layer: its new name}, no two alike; TensorFlow takes ASCII, a letter first."""
    names, taken = {last: "heatmaps"}, {"image", "heatmaps"}
    for layer in (each for each in old if each is not last):
        name = re.sub(r"[^A-Za-z0-9._-]", "_", layer.name)
        name = name if name[0].isalnum() else f"layer{name}"
        while name in taken:
            name += "_"
        names[layer] = name
        taken.add(name)
    return names


def _graph(model):
    """{layer: the layers that feed it} in order, as far as the last output needs."""
    made_by = {}
    for layer in getattr(model, "operations", ()):
        if _is_identity(layer):
            made_by[id(layer.output)] = made_by[id(layer.input)]
        else:
            made_by |= {id(made): layer for made in keras.tree.flatten(layer.output)}
    if not made_by:
        raise InputError(model.name, "", "a Functional network", type(model).__name__)

    def maker(tensor):
        if id(tensor) not in made_by:
            sentence = (
                "it uses a layer twice, or a network as a layer; export takes neither"
            )
            raise InputError.plain(model.name, "", sentence)
        return made_by[id(tensor)]

    last = maker(model.outputs[-1])
    inputs, needed = {}, {last}
    for layer in reversed(model.operations):
        if layer in needed and not _is_identity(layer):
            _check_known(layer, model.name)
            inputs[layer] = [maker(fed) for fed in keras.tree.flatten(layer.input)]
            needed.update(inputs[layer])
    return dict(reversed(inputs.items())), last


def _is_identity(layer):
    linear = keras.activations.linear
    return type(layer) is layers.Activation and layer.activation is linear


def _check_known(layer, source):
    activation = getattr(layer, "activation", keras.activations.linear)
    alone = (keras.activations.sigmoid,) if type(layer) is layers.Activation else ()
    known = (
        type(layer) in _KNOWN
        and activation in (*_ACTIVATIONS, *alone)
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and getattr(layer, "interpolation", "nearest") in ("nearest", "bilinear")
        and getattr(layer, "axis", -1) in (-1, 3)
    )
    if not known:
        kinds = ", ".join(sorted(kind.__name__ for kind in _KNOWN))
        how = "channels last, with activation linear or relu, or sigmoid as a layer"
        received = type(layer).__name__
        if hasattr(layer, "activation"):
            received += f" with {keras.activations.serialize(activation)}"
        raise InputError(source, layer.name, f"one of {kinds}; {how}", received)


def _image(model):
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if len(shapes) != 1 or None in shapes[0]:
        raise InputError(model.name, "input", "one image of fixed size", shapes)
    return layers.Input(shapes[0], dtype="float32", name="image")


def _rewritten(layer, given, name):
    if type(layer) in _INITIALIZERS:
        return _Convolution.of(layer, _tensor(given[0]), name)
    if type(layer) in _AFFINE:
        return _scaled(given[0], *_scale_and_shift(layer), name)
    if _is_plain_relu(layer) and _is_linear_convolution(given[0]):
        return given[0].activated(_RELUS[layer.max_value], name)
    if type(layer) is layers.Add:
        given = _with_one_bias(given)
    tensors = [_tensor(value) for value in given]
    return _copied(layer, name)(tensors[0] if len(tensors) == 1 else tensors)


def _is_plain_relu(layer):
    return type(layer) is layers.ReLU and (
        layer.max_value in _RELUS and not layer.negative_slope and not layer.threshold
    )


def _is_linear_convolution(value):
    return isinstance(value, _Convolution) and value.settings["activation"] == "linear"


def _with_one_bias(values):
    """Convolutions that are added up, with the sum of their biases in the first.

    Trained from zero, their biases are equal; the converter then keeps one constant for
    all, to which its 16x8 quantizer gives a scale that is wrong for all but one.
    """
    added = [value for value in values if _is_linear_convolution(value)]
    if len({convolution.bias.shape for convolution in added}) > 1:
        return values
    bias = sum(convolution.bias for convolution in added)
    return [
        replace(value, bias=bias if value is added[0] else 0 * bias)
        if _is_linear_convolution(value)
        else value
        for value in values
    ]


def _copied(layer, name):
    kind = Upsampling if type(layer) is layers.UpSampling2D else type(layer)
    return kind(**_settings(layer, type(layer)), name=name, dtype="float32")


def _settings(layer, kind):
    config = layer.get_config()
    return {setting: config[setting] for setting in _SETTINGS[kind]}


def _scaled(value, scale, shift, name):
    if not _is_linear_convolution(value):
        value = _Convolution.identity(_tensor(value), name)
    return value.scaled(scale, shift, name)


def _scale_and_shift(layer):
    """(C,) float64 each, of a BatchNorm at inference or a Rescaling."""
    channels = layer.output.shape[-1]
    if type(layer) is layers.Rescaling:
        scale, shift = layer.scale, layer.offset
    else:
        mean, variance = _numpy(layer.moving_mean), _numpy(layer.moving_variance)
        scale = _numpy(layer.gamma) if layer.scale else np.ones(channels)
        scale = scale / np.sqrt(variance + layer.epsilon)
        shift = (_numpy(layer.beta) if layer.center else 0) - mean * scale
    scale, shift = (np.broadcast_to(each, channels) for each in (scale, shift))
    _check_finite(layer, scale, shift)
    return scale, shift


def _numpy(variable):
    return np.asarray(variable).astype(np.float64)


def _check_finite(layer, *weights):
    bad = sum(np.count_nonzero(~np.isfinite(np.float32(each))) for each in weights)
    if bad:
        sentence = f"{bad} numbers are not finite; train again at a lower rate"
        raise InputError.plain("weights", layer.name, sentence)


def _tensor(value):
    return value.tensor if isinstance(value, _Convolution) else value


@dataclass(frozen=True, eq=False)
class _Convolution:
    """A convolution of the new network that may still take in what follows it.

    Args:
        kind: of the layer.
        settings: its arguments.
        kernel: (h, w, in, out) float64, or (h, w, in, multiplier) where depthwise.
        bias: (out,) float64.
        source: the tensor it reads.
    """

    kind: type[layers.Layer]
    settings: dict
    kernel: np.ndarray
    bias: np.ndarray
    source: object

    @classmethod
    def of(cls, layer, source, name):
        kernel = _numpy(layer.kernel)
        channels = layer.output.shape[-1]
        bias = _numpy(layer.bias) if layer.use_bias else np.zeros(channels)
        _check_finite(layer, kernel, bias)
        settings = _settings(layer, type(layer)) | {"name": name}
        return cls(type(layer), settings, kernel, bias, source)

    @classmethod
    def identity(cls, source, name):
        """1x1 and depthwise, so far without effect."""
        channels = source.shape[-1]
        settings = {"kernel_size": 1, "data_format": "channels_last"}
        settings |= {"activation": "linear", "name": name}
        ones = np.ones((1, 1, channels, 1))
        return cls(layers.DepthwiseConv2D, settings, ones, np.zeros(channels), source)

    def scaled(self, scale, shift, name):
        depthwise = self.kind is layers.DepthwiseConv2D
        factor = scale.reshape(self.kernel.shape[-2:]) if depthwise else scale
        return replace(
            self,
            settings=self.settings | {"name": name},
            kernel=self.kernel * factor,
            bias=self.bias * scale + shift,
        )

    def activated(self, activation, name):
        settings = self.settings | {"activation": activation, "name": name}
        return replace(self, settings=settings)

    @cached_property
    def tensor(self):
        plain = {"dtype": "float32", _INITIALIZERS[self.kind]: "zeros"}
        layer = self.kind(**self.settings, **plain)
        tensor = layer(self.source)
        layer.set_weights([np.float32(self.kernel), np.float32(self.bias)])
        return tensor
