"""Quantization-aware training and pruning, with or without a teacher.

Unlike the library's defaults, activations are rounded within the ranges of
post-training calibration, and each channel of a kernel has its own scale. One hourglass
of 64 channels at 128 px (LSP-extended, 38.0 PCK@0.2 in float), after 250 steps of 16
people from its teacher:

| ranges while training                         | PCK@0.2 of the int8 file |
|-----------------------------------------------|--------------------------|
| no further training                           |                     37.9 |
| moving average that starts at -6..6           |                      6.2 |
| moving average that starts at calibration     |                     38.2 |
| calibration, then learned by gradient         |                     38.1 |
| calibration, fixed                            |                     38.3 |
| the same, recalibrated for the file (used)    |                     38.5 |
| float training, then post-training int8       |                     38.4 |

The gain comes from longer distillation; simulated rounding adds little. With one scale
for a whole depthwise kernel, 50 % of the heatmaps of an EfficientNet student had the
argmax of the int8 file; with one scale for each channel, 92 %.

B batch, S input size, H W heatmap, K joints.
"""

import json
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import keras
import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from fpd_tf.data.people import People
from fpd_tf.data.pipeline import (
    DataConfig,
    Positive,
    broken_files_named,
    make_dataset,
)
from fpd_tf.errors import GateError, InputError
from fpd_tf.export.fold import kind_and_settings, layer_by_layer
from fpd_tf.models.keras_file import load_network
from fpd_tf.settings import refused, validated, with_settings
from fpd_tf.training.distiller import check_teacher
from fpd_tf.training.losses import joints_mse
from fpd_tf.training.teacher import cache_teacher

_PEAK = 1.0
_OF_THE_RUN = ("distillation_weight", "data")


@validated
class FineTuningConfig:
    """All settings of fine-tuning.

    Args:
        epochs: passes over the people.
        learning_rate: of Adam, at the start.
        schedule: constant, or cosine down to zero at the last step.
        distillation_weight: w of Eq. 5, where there is a teacher.
        data: sizes, augmentation, batch size and seed; the size is the network's.

    Raises:
        InputError: an unknown field, or a value out of range.
    """

    epochs: Annotated[int, Field(gt=0)] = 4
    learning_rate: Positive = 3e-4
    schedule: Literal["constant", "cosine"] = "cosine"
    distillation_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    data: DataConfig = Field(default_factory=DataConfig)


def fine_tuning_config(
    run: str | Path, settings: Sequence[str] = ()
) -> FineTuningConfig:
    """The defaults with the data settings of the network's run, some fields changed.

    Args:
        run: config.json of the run; without one, the defaults of `DataConfig`.
        settings: "field=value" each, as `configure` takes them.

    Raises:
        InputError: a damaged run, no such field, or a value of the wrong kind.

    Example:
        >>> from fpd_tf.export.fine_tune import fine_tuning_config
        >>> fine_tuning_config("config.json", ["epochs=2", "data.sigma=1.5"]).data.sigma
        1.5
    """
    config = _config_of(Path(run)) if Path(run).exists() else FineTuningConfig()
    return with_settings(config, settings, "fine-tuning")


def _config_of(run):
    try:
        own = json.loads(run.read_bytes())["config"]
        values = {field: own[field] for field in _OF_THE_RUN}
        return TypeAdapter(FineTuningConfig).validate_python(values)
    except ValidationError as error:
        raise refused(run, error, "a field of DataConfig") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        expected = "the settings of a run"
        raise InputError(run, "config", expected, repr(error)) from error


@dataclass(frozen=True, eq=False)
class FineTuning:
    """Further training of a folded network: Eq. 5 on its one output.

    A folded network has the last stack's output only, so the losses of the other stacks
    are left out. Without a teacher, the loss is that of the ground truth (Eq. 3).

    Args:
        config: epochs, learning rate and crops.
        teacher: a trained network or its .keras file, run once over all the people.
        sparsity: share of each convolution's weights to prune, within [0, 1).
        cache: folder for the teacher's heatmaps.

    Raises:
        InputError: a sparsity out of range.
    """

    config: FineTuningConfig = FineTuningConfig()
    teacher: keras.Model | str | Path | None = None
    sparsity: float = 0.0
    cache: str | Path = "teacher-cache"

    def __post_init__(self):
        if not 0 <= self.sparsity < 1:
            raise InputError("sparsity", "", "a part within [0, 1)", self.sparsity)

    def steps_per_epoch(self, people: People) -> int:
        """Whole batches."""
        return len(people) // self.config.data.batch_size

    def steps(self, people: People) -> int:
        """Of all epochs."""
        return self.config.epochs * self.steps_per_epoch(people)

    def teach(self, network, people: People, callbacks: Sequence = ()) -> None:
        """Trains a `tf_keras` network from images to one heatmap tensor.

        Raises:
            InputError: fewer people than a batch, network, teacher and data do not
                fit, or a photograph broke or vanished.
            GateError: the loss is no longer finite.
        """
        import tf_keras

        rate = self.config.learning_rate
        if self.config.schedule == "cosine":
            rate = tf_keras.optimizers.schedules.CosineDecay(rate, self.steps(people))
        batches = self._batches(network, people)
        network.compile(tf_keras.optimizers.Adam(rate), loss=joints_mse)
        with broken_files_named():
            history = network.fit(
                batches,
                epochs=self.config.epochs,
                steps_per_epoch=self.steps_per_epoch(people),
                callbacks=[*callbacks],
                verbose=1 if sys.stdout.isatty() else 2,
            ).history
        if not np.isfinite(history["loss"]).all():
            raise GateError("the loss is no longer finite; try a lower learning_rate")

    def _batches(self, network, people):
        """(images, targets, joint weights), without end."""
        size = network.input_shape[1]
        if self.config.data.input_size != size:
            expected, received = f"the network's {size}", self.config.data.input_size
            raise InputError("config", "data.input_size", expected, received)
        options = {"training": True, "first_epoch": 0}
        if self.teacher is None:
            return make_dataset(people, self.config.data, **options)
        options["teacher"] = self._teacher_heatmaps(network, people)
        batches = make_dataset(people, self.config.data, **options)
        weight = self.config.distillation_weight

        def collapsed(images, heatmaps, joint_weights, teaching):
            maps = heatmaps, joint_weights, teaching[0]
            return images, *collapsed_target(*maps, weight)

        return batches.map(collapsed)

    def _teacher_heatmaps(self, network, people):
        if isinstance(self.teacher, keras.Model):
            source, teacher = self.teacher.name, self.teacher
        else:
            source, teacher = self.teacher, load_network(self.teacher)
        check_teacher(teacher, network, source)
        data = self.config.data
        mirror = data.flip > 0
        return cache_teacher(
            teacher, people, data.input_size, self.cache, mirror=mirror
        )


def collapsed_target(
    heatmaps, joint_weights, teacher_heatmaps, distillation_weight: float
):
    """Target and joint weights whose squared loss is Eq. 5's, up to a constant.

    `tf_keras` fits a network to one target. w is the distillation weight, m the joint
    weight, t the teacher, g ground truth, s the student:
    w |s - t|^2 + (1 - w) m |s - g|^2 = (w + (1 - w) m) |s - target|^2 + constant, with
    target = (w t + (1 - w) m g) / (w + (1 - w) m).

    Args:
        heatmaps: (B, H, W, K) ground truth.
        joint_weights: (B, K).
        teacher_heatmaps: (B, H, W, K).
        distillation_weight: w.

    Returns:
        (B, H, W, K) targets and (B, K) joint weights, as TensorFlow tensors.
    """
    import tensorflow as tf

    of_truth = (1 - distillation_weight) * joint_weights
    weights = distillation_weight + of_truth
    share = tf.math.divide_no_nan(of_truth, weights)[:, None, None, :]
    return teacher_heatmaps + share * (heatmaps - teacher_heatmaps), weights


def quantization_aware(
    network: keras.Model,
    ranges: Mapping[str, tuple[float, float]],
    people: People,
    fine_tuning: FineTuning,
) -> None:
    """Quantization-aware training of a folded network.

    The ranges are fixed, but those of the heatmaps include the peak of 1.

    Args:
        network: of `folded`; gets the new weights.
        ranges: by layer, (lowest, highest) value of its output.
        people: of the training set.
        fine_tuning: how.

    Raises:
        InputError, GateError: as `FineTuning.teach` does.

    Example:
        >>> from fpd_tf.export.fine_tune import FineTuning, quantization_aware
        >>> quantization_aware(network, ranges, people, FineTuning())
        ... # doctest: +SKIP
    """
    low, high = ranges["heatmaps"]
    student = fake_quantized(network, {**ranges, "heatmaps": (low, max(high, _PEAK))})
    fine_tuning.teach(student, people)
    for wrapper in student.layers[1:]:
        weights = [weight.numpy() for weight in wrapper.trainable_weights]
        network.get_layer(wrapper.layer.name).set_weights(weights)


def fake_quantized(network: keras.Model, ranges: Mapping[str, tuple[float, float]]):
    """The same network with simulated int8 rounding of weights and activations.

    The library's `quantize_model` would leave the ranges to a moving average from
    -6..6, give all channels of a depthwise kernel one scale, and refuse ReLU6.

    Args:
        network: of `folded`; stays as it is.
        ranges: by layer, (lowest, highest) value of its output.

    Returns:
        A `tf_keras.Model` of wrapped copies of the layers, with straight-through
        gradients.

    Example:
        >>> from fpd_tf.export.fine_tune import fake_quantized
        >>> from fpd_tf.export.fold import folded
        >>> network = folded("student.keras")
        >>> ranges = {layer.name: (-4.0, 4.0) for layer in network.layers}
        >>> fake_quantized(network, ranges).output_shape
        (None, 16, 16, 16)
    """
    import tf_keras

    quantization = toolkit().quantization.keras

    def wrapped(layer):
        registry = quantization.default_8bit.Default8BitQuantizeRegistry()
        alone = isinstance(layer, tf_keras.layers.Activation)  # its own has no ranges
        config = registry.get_quantize_config(
            tf_keras.layers.ReLU() if alone else layer
        )
        config.weight_quantizer = _ByChannel(layer.output_shape[-1])
        if config.activation_attrs or config.quantize_output:
            limits = map(float, ranges[layer.name])
            config.activation_quantizer = quantization.quantizers.FixedQuantizer(
                8, *limits, narrow_range=False
            )
            config.activation_attrs, config.quantize_output = [], True
        return quantization.QuantizeWrapperV2(layer, config)

    return tf_keras.models.clone_model(twin(network), clone_function=wrapped)


@dataclass(frozen=True)
class _ByChannel:
    """Rounds a kernel, each output channel in its own scale; zeros stay zeros.

    A `Quantizer` of the library but for its name: those that are there know one scale
    for all channels of a depthwise kernel, and their ranges lag a step behind.
    """

    channels: int

    def build(self, shape, name, layer):
        return {}

    def __call__(self, kernel, training, weights):
        import tensorflow as tf

        columns = tf.reshape(kernel, (-1, self.channels))
        largest = tf.stop_gradient(tf.reduce_max(tf.abs(columns), axis=0))
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            columns, -largest, largest, narrow_range=True
        )
        rounded = tf.where(columns == 0, 0.0, rounded)
        return tf.reshape(rounded, kernel.shape)


def prune(network: keras.Model, people: People, fine_tuning: FineTuning) -> None:
    """Prunes a folded network during further training.

    The smallest weights of each convolution become zero, gradually over the first half
    of the steps. Depthwise convolutions, which hold the folded BatchNorms, are not
    pruned.

    Args:
        network: of `folded`; gets the new weights.
        people: of the training set.
        fine_tuning: how, and to which sparsity.

    Raises:
        InputError, GateError: as `FineTuning.teach` does.

    Example:
        >>> from fpd_tf.export.fine_tune import FineTuning, prune
        >>> prune(network, people, FineTuning(sparsity=0.5))  # doctest: +SKIP
    """
    sparse = toolkit().sparsity.keras
    half = max(1, fine_tuning.steps(people) // 2)
    every = max(1, half // 10)
    end = half - half % every
    schedule = sparse.PolynomialDecay(
        0.0, fine_tuning.sparsity, 0, end, frequency=every
    )
    student = sparse.prune_low_magnitude(twin(network), schedule)
    fine_tuning.teach(student, people, [sparse.UpdatePruningStep()])
    _take_weights(network, sparse.strip_pruning(student).layers)


def twin(network: keras.Model):
    """A folded network in tf_keras, for tensorflow-model-optimization.

    Args:
        network: of `folded`.

    Returns:
        A `tf_keras.Model` of the same layers and weights.

    Example:
        >>> from fpd_tf.export.fine_tune import twin
        >>> from fpd_tf.export.fold import folded
        >>> network = folded("student.keras")
        >>> twin(network).count_params() == network.count_params()
        True
    """
    import tf_keras

    def run(layer, given):
        kind, settings = kind_and_settings(layer)
        return getattr(tf_keras.layers, kind)(**settings)(given)

    image = tf_keras.layers.Input(network.input_shape[1:], name="image")
    heatmaps = layer_by_layer(network, image, run)
    twin = tf_keras.Model(image, heatmaps, name=network.name)
    _take_weights(twin, network.layers)
    return twin


def _take_weights(network, layers):
    """Gives a network the weights of layers of the same names."""
    for layer in layers:
        network.get_layer(layer.name).set_weights(layer.get_weights())


def toolkit():
    """tensorflow-model-optimization, without the variable that importing it sets."""
    variable = "TF_USE_LEGACY_KERAS"
    kept = os.environ.get(variable)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import tensorflow_model_optimization as found
    if kept is None:
        os.environ.pop(variable, None)
    return found
