"""A trained network trained on, while int8 rounds it or weights become zero.

Layers are rounded within the ranges that post-training quantization found by measuring
and each channel of a kernel in its own scale, both unlike what the library does by
itself. One hourglass of 64 channels at 128 px (LSP-extended, 38.0 PCK@0.2 in float),
after 250 steps of 16 people from its teacher:

| ranges while training                         | PCK@0.2 of the int8 file |
|-----------------------------------------------|--------------------------|
| not trained on                                |                     37.9 |
| moving average that starts at -6..6           |                      6.2 |
| moving average that starts at those measured  |                     38.2 |
| those measured, learned by gradient           |                     38.1 |
| those measured, kept as they are              |                     38.3 |
| the same, measured anew for the file; here so |                     38.5 |
| trained on in float, then post-training int8  |                     38.4 |

So it is going on learning from the teacher that gains here; robust ranges leave little
for the rounding to teach. With one scale for a whole depthwise kernel 50 % of the
heatmaps of an EfficientNet student had their largest cell where the int8 file has it,
with one for each channel 92 %.

B batch, S input size, H W heatmap, K joints.
"""

import json
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from pydantic import TypeAdapter

from fpd_tf.data.people import People
from fpd_tf.data.pipeline import broken_files_named, make_dataset
from fpd_tf.errors import GateError, InputError
from fpd_tf.models.keras_file import load_network
from fpd_tf.training.distiller import check_teacher
from fpd_tf.training.losses import joints_mse
from fpd_tf.training.recipes import TrainConfig, configure
from fpd_tf.training.teacher import cache_teacher, collapsed_target

FINE_TUNING = TrainConfig(
    epochs=4, optimizer="adam", learning_rate=3e-4, schedule="cosine"
)
_PEAK = 1.0
_FIELDS = ("epochs", "learning_rate", "schedule", "distillation_weight", "data")
_OF_THE_RUN = ("distillation_weight", "data")


def fine_tuning(run: str | Path, settings: Sequence[str] = ()) -> TrainConfig:
    """`FINE_TUNING` on the data settings of a network's own run, some fields set anew.

    Args:
        run: config.json of the run; without one, the defaults of `DataConfig`.
        settings: "field=value" each, as `configure` takes them.

    Raises:
        InputError: a field that fine-tuning has no use for, or as `configure` does.

    Example:
        >>> from fpd_tf.export.fine_tune import fine_tuning
        >>> fine_tuning("config.json", ["epochs=2", "data.sigma=1.5"]).data.sigma
        1.5
    """
    for setting in settings:
        if setting.partition("=")[0].partition(".")[0] not in _FIELDS:
            raise InputError("--set", "", f"one of {', '.join(_FIELDS)}", setting)
    values = TypeAdapter(TrainConfig).dump_python(FINE_TUNING, mode="json")
    if Path(run).exists():
        try:
            own = json.loads(Path(run).read_text())["config"]
            values |= {field: own[field] for field in _OF_THE_RUN}
        except (ValueError, KeyError, TypeError) as error:
            expected = "the settings of a run"
            raise InputError(run, "config", expected, repr(error)) from error
    start = [f"{field}={json.dumps(value)}" for field, value in values.items()]
    return configure("paper_mpii", [*start, *settings])


@dataclass(frozen=True, eq=False)
class Lessons:
    """What a deploy network is trained on with: Eq. 5 on its one output.

    Only the last stack is left of a deploy network, so the other stacks' losses are
    not; without a teacher there is the ground truth alone (Eq. 3).

    Args:
        samples: people of the training set.
        config: its epochs, learning_rate, schedule (of Adam), distillation_weight and
            data; the other fields made the network and have no say here.
        teacher: a trained network or its .keras file, run once over all the samples.
        cache: folder for what it says.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.fine_tune import Lessons, fine_tuning
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="train")
        >>> config = fine_tuning("config.json", ["epochs=3", "data.batch_size=5"])
        >>> Lessons(people, config).steps
        6
    """

    samples: People
    config: TrainConfig = FINE_TUNING
    teacher: keras.Model | str | Path | None = None
    cache: str | Path = "teacher-cache"

    @property
    def steps_per_epoch(self) -> int:
        return len(self.samples) // self.config.data.batch_size

    @property
    def steps(self) -> int:
        return self.config.epochs * self.steps_per_epoch

    def teach(self, network, callbacks: Sequence = ()) -> None:
        """Trains a `tf_keras` network from images to one heatmap tensor.

        Raises:
            InputError: fewer people than a batch, network, teacher and data do not
                fit, or a photograph broke or vanished.
            GateError: the loss is no longer finite.
        """
        import tf_keras

        rate = self.config.learning_rate
        if self.config.schedule == "cosine":
            rate = tf_keras.optimizers.schedules.CosineDecay(rate, self.steps)
        batches, soft_heatmaps = self._batches(network)
        network.compile(tf_keras.optimizers.Adam(rate), loss=joints_mse)
        with broken_files_named(self.samples, soft_heatmaps):
            history = network.fit(
                batches,
                epochs=self.config.epochs,
                steps_per_epoch=self.steps_per_epoch,
                callbacks=[*callbacks],
                verbose=1 if sys.stdout.isatty() else 2,
            ).history
        if not np.isfinite(history["loss"]).all():
            raise GateError("the loss is no longer finite; try a lower learning_rate")

    def _batches(self, network):
        """(images, targets, joint weights), without end; the teacher's files."""
        size = network.input_shape[1]
        if self.config.data.input_size != size:
            expected, received = f"the network's {size}", self.config.data.input_size
            raise InputError("config", "data.input_size", expected, received)
        options = {"training": True, "first_epoch": 0}
        if self.teacher is None:
            return make_dataset(self.samples, self.config.data, **options), None
        soft_heatmaps = self._soft_heatmaps(network)
        how = self.config.distillation_weight, self.config.teach_unlabelled

        def collapsed(images, *truth_and_teacher):
            return images, *collapsed_target(*truth_and_teacher, *how)

        options["soft_heatmaps"] = soft_heatmaps
        batches = make_dataset(self.samples, self.config.data, **options)
        return batches.map(collapsed), soft_heatmaps

    def _soft_heatmaps(self, network):
        if isinstance(self.teacher, keras.Model):
            source, teacher = self.teacher.name, self.teacher
        else:
            source, teacher = self.teacher, load_network(self.teacher)
        check_teacher(teacher, network, source)
        return cache_teacher(
            teacher,
            self.samples,
            self.config.data.input_size,
            self.cache,
            mirror=self.config.data.flip > 0,
        )


def quantization_aware(
    network, ranges: Mapping[str, tuple[float, float]], lessons: Lessons
) -> None:
    """Trains a deploy network on while it computes as an int8 file would.

    The ranges stay as they are, but that heatmaps can rise to the truth's peak.

    Args:
        network: of `deploy_network`; gets the new weights.
        ranges: by layer, (lowest, highest) value of what it gives.
        lessons: what to train on.

    Raises:
        InputError, GateError: as `Lessons.teach` does.

    Example:
        >>> from fpd_tf.export.fine_tune import quantization_aware
        >>> quantization_aware(network, ranges, lessons)  # doctest: +SKIP
    """
    low, high = ranges["heatmaps"]
    student = fake_quantized(network, {**ranges, "heatmaps": (low, max(high, _PEAK))})
    lessons.teach(student)
    for wrapper in student.layers[1:]:
        weights = [weight.numpy() for weight in wrapper.trainable_weights]
        network.get_layer(wrapper.layer.name).set_weights(weights)


def fake_quantized(network, ranges: Mapping[str, tuple[float, float]]):
    """The same network with weights and activations rounded as int8 rounds them.

    The library's `quantize_model` would leave the ranges to a moving average from
    -6..6, give all channels of a depthwise kernel one scale, and refuse ReLU6.

    Args:
        network: of `deploy_network`; stays as it is.
        ranges: by layer, (lowest, highest) value of what it gives.

    Returns:
        A `tf_keras.Model` of wrapped copies of the layers; gradients pass the rounding
        as if it were not there.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.fold import deploy_network
        >>> from fpd_tf.export.fine_tune import fake_quantized
        >>> network = deploy_network(fpd.build_model("hourglass_4x32", input_size=64))
        >>> ranges = {layer.name: (-4.0, 4.0) for layer in network.layers}
        >>> fake_quantized(network, ranges).output_shape
        (None, 16, 16, 16)
    """
    import tf_keras

    quantization = _toolkit().quantization.keras

    def wrapped(layer):
        registry = quantization.default_8bit.Default8BitQuantizeRegistry()
        config = registry.get_quantize_config(layer)
        config.weight_quantizer = _ByChannel(layer.output_shape[-1])
        if config.activation_attrs or config.quantize_output:
            limits = map(float, ranges[layer.name])
            config.activation_quantizer = quantization.quantizers.FixedQuantizer(
                8, *limits, narrow_range=False
            )
            config.activation_attrs, config.quantize_output = [], True
        return quantization.QuantizeWrapperV2(layer, config)

    copy = tf_keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return tf_keras.models.clone_model(copy, clone_function=wrapped)


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


def pruned(network, sparsity: float, lessons: Lessons):
    """Trains a deploy network on while its smallest weights become zero.

    They do so by and by over the first half of the steps, in each convolution alike;
    depthwise ones, which hold the folded BatchNorms, stay whole.

    Args:
        network: of `deploy_network`.
        sparsity: part of a convolution's weights, within (0, 1).
        lessons: what to train on.

    Returns:
        A network of the same layers.

    Raises:
        InputError, GateError: as `Lessons.teach` does.

    Example:
        >>> from fpd_tf.export.fine_tune import pruned
        >>> pruned(network, 0.5, lessons).name  # doctest: +SKIP
        'hourglass_2x64_deploy'
    """
    sparse = _toolkit().sparsity.keras
    half = max(1, lessons.steps // 2)
    every = max(1, half // 10)
    end = half - half % every
    schedule = sparse.PolynomialDecay(0.0, sparsity, 0, end, frequency=every)
    student = sparse.prune_low_magnitude(network, schedule)
    lessons.teach(student, [sparse.UpdatePruningStep()])
    return sparse.strip_pruning(student)


def _toolkit():
    """tensorflow-model-optimization, without the variable that importing it sets."""
    variable = "TF_USE_LEGACY_KERAS"
    kept = os.environ.get(variable)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import tensorflow_model_optimization as toolkit
    if kept is None:
        os.environ.pop(variable, None)
    return toolkit
