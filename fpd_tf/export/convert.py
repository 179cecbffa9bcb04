"""A trained network to a .tflite that every app binding can load.

N crops, S input size, H W heatmap, K joints.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from fpd_tf.contract.metadata import with_metadata
from fpd_tf.contract.shapes import check_joint_set, codec_of
from fpd_tf.contract.tflite_file import open_interpreter
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.export.calibrate import calibration_crops, calibration_people
from fpd_tf.export.fold import folded, layer_by_layer
from fpd_tf.export.quantize import (
    Ranges,
    best_percentage,
    quantized,
    tensor_ranges,
)
from fpd_tf.export.rounding import rounded_weights
from fpd_tf.files import check_file, written_whole
from fpd_tf.joints import JointSet
from fpd_tf.models.keras_file import joint_set_of_network
from fpd_tf.quiet import quiet

if TYPE_CHECKING:
    from fpd_tf.export.fine_tune import FineTuning

QUANTIZATIONS = ("none", "float16", "dynamic", "int8", "int16x8")
TRAINED = "qat"
IO_TYPES = ("float32", "uint8", "int8")
USUAL, WIDEST = 95, 32  # int16x8: of 95 % of the crops, those with the widest ranges


def export_tflite(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    quantization: str = "none",
    samples: People | None = None,
    io: str = "float32",
    calibration_count: int = 256,
    joint_set: JointSet | None = None,
    fine_tuning: "FineTuning | None" = None,
) -> Path:
    """Writes a network as .tflite: `image` [1, S, S, 3] to `heatmaps` [1, H, W, K].

    The signature is `serving_default`, with these names in every variant; the image is
    RGB in [0, 1] (with integer `io`, in the file's scale: uint8 pixels as they are).

    Args:
        model: a Keras network or its .keras file.
        path: the file to write.
        quantization: "none", "float16" or "dynamic" (weights), "int8" or "int16x8"
            (weights and activations, ranges measured on crops of `samples`), or "qat"
            (int8 after quantization-aware training).
        samples: people of the training set, for int8, int16x8 and fine-tuning.
        io: "float32", the one type that every binding loads, or "uint8" or "int8"
            with int8 or qat quantization.
        calibration_count: crops to measure ranges on.
        joint_set: of the heatmaps; the network's own, or else the samples', where None.
        fine_tuning: settings of further training, for "qat" or pruning.

    Raises:
        InputError: no network from one square image to heatmaps, too few samples, an
            unknown or unfitting option, or a path of another kind.
        GateError: the loss of fine-tuning is no longer finite.

    Example:
        >>> import fpd_tf as fpd
        >>> fpd.export_tflite("student.keras", "student.tflite").name
        'student.tflite'
    """
    path = Path(path)
    check_place(path)
    _check_options(quantization, io, fine_tuning)
    network = folded(model)
    codec_of(network.name, network.input_shape, network.output_shape)
    joint_set = joints_of(network, samples, joint_set)
    check_joint_set(path.name, network.output_shape[-1], joint_set)
    crops = None
    if quantization in ("int8", "int16x8", TRAINED):
        size = network.input_shape[1]
        crops = calibration_crops(samples, size, calibration_count)
    if fine_tuning or quantization == TRAINED:
        _fine_tune(network, quantization, crops, samples, fine_tuning)
    integers = "int8" if quantization == TRAINED else quantization
    content = to_tflite(network, integers, crops, io)
    with written_whole(path) as aside:
        aside.write_bytes(with_metadata(content, joint_set))
        open_interpreter(aside)
    return path


def to_tflite(
    network: keras.Model,
    quantization: str = "none",
    crops: np.ndarray | None = None,
    io: str = "float32",
) -> bytes:
    """The content of a .tflite of a folded network.

    Args:
        network: of `folded`.
        quantization: one of `QUANTIZATIONS`.
        crops: (N, S, S, 3) float32 RGB in [0, 1] to measure ranges on, for int8 and
            int16x8.
        io: type of image and heatmaps, one of `IO_TYPES`; "float32" but for int8.

    Raises:
        InputError: no crops to measure ranges on.

    Example:
        >>> from fpd_tf.export.convert import to_tflite
        >>> from fpd_tf.export.fold import folded
        >>> to_tflite(folded("student.keras"))[4:8]
        b'TFL3'
    """
    if quantization not in ("int8", "int16x8"):
        return _of_floats(network, quantization)
    if crops is None or not len(crops):
        raise InputError("crops", "", "one or more to measure ranges on", "none")
    if quantization == "int8":
        with rounded_weights(network, crops):
            plain = _of_floats(network)
        ranges = tensor_ranges(plain, crops)
        percentage = best_percentage(plain, ranges, crops[::4])
        return quantized(plain, ranges, percentage, io)
    ranges = tensor_ranges(_of_floats(network), crops)
    usual = np.argsort(ranges.excess)[: max(1, len(crops) * USUAL // 100)]
    return _int16x8(network, crops[usual[-WIDEST:]])


def calibration_ranges(
    model: keras.Model | str | Path, samples: People, *, calibration_count: int = 256
) -> tuple[Ranges, People]:
    """The range of every tensor on each calibration sample.

    Args:
        model: a Keras network or its .keras file.
        samples: people of the training set.
        calibration_count: crops to measure ranges on.

    Returns:
        Ranges on N crops, and the N people in the same order.

    Raises:
        InputError: no network to convert, or too few samples.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.convert import calibration_ranges
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="train")
        >>> ranges, chosen = calibration_ranges(
        ...     "student.keras", people, calibration_count=2
        ... )
        >>> ranges.lowest.shape[0], len(chosen)
        (2, 2)
    """
    network = folded(model)
    crops = calibration_crops(samples, network.input_shape[1], calibration_count)
    chosen = calibration_people(samples, calibration_count)
    return tensor_ranges(to_tflite(network), crops), chosen


def joints_of(
    network: keras.Model, samples: People | None, joint_set: JointSet | None
) -> JointSet | None:
    """The given joint set, else the network's, else that of the samples."""
    named = joint_set or joint_set_of_network(network)
    return named or (samples.joint_set if samples else None)


def check_place(path: Path) -> None:
    """Checks that a .tflite can be written to a path.

    Raises:
        InputError: another suffix, or no folder to write to.
    """
    if path.suffix != ".tflite":
        raise InputError(path, "", "a name ending in .tflite", path.name)
    check_file(path)


def _check_options(quantization, io, fine_tuning):
    known = (*QUANTIZATIONS, TRAINED)
    if quantization not in known:
        raise InputError("quantization", "", f"one of {', '.join(known)}", quantization)
    if io not in IO_TYPES:
        raise InputError("io", "", f"one of {', '.join(IO_TYPES)}", io)
    if io != "float32" and quantization not in ("int8", TRAINED):
        sentence = f"{io} goes with the quantization int8 or qat, not {quantization}"
        raise InputError.plain("io", "", sentence)
    if fine_tuning and not (fine_tuning.sparsity or quantization == TRAINED):
        expected = "qat, or a sparsity above 0"
        raise InputError("fine_tuning", "quantization", expected, quantization)


def _fine_tune(network, quantization, crops, people, fine_tuning):
    from fpd_tf.export.fine_tune import FineTuning, prune, quantization_aware

    if not people:
        raise InputError("samples", "", "people to train on", "none")
    fine_tuning = fine_tuning or FineTuning()
    if fine_tuning.sparsity:
        prune(network, people, fine_tuning)
    if quantization == TRAINED:
        plain = to_tflite(network)
        ranges = tensor_ranges(plain, crops)
        percentage = best_percentage(plain, ranges, crops[::4])
        limits = ranges.by_layer(percentage)
        quantization_aware(network, limits, people, fine_tuning)


def _of_floats(network, quantization="none"):
    import tensorflow as tf

    converter = _converter(network)
    if quantization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    with quiet():
        return converter.convert()


def _int16x8(network, crops):
    import tensorflow as tf

    converter = _converter(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ]
    converter.representative_dataset = lambda: ([image[None]] for image in crops)
    with warnings.catch_warnings(), quiet():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")
        return converter.convert()


def _converter(network):
    """Only the weights are tracked: saving whole layers takes five times as long."""
    import tensorflow as tf

    shape = (1, *network.input_shape[1:])
    image = tf.TensorSpec(shape, tf.float32, name="image")

    def run(layer, given):
        with tf.name_scope(layer.name):  # which the file's tensors are named after
            return layer(given)

    @tf.function(input_signature=[image])
    def serve(image):
        return {"heatmaps": layer_by_layer(network, image, run)}

    tracked = tf.Module()
    tracked.weights = [weight.value for weight in network.weights]
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [serve.get_concrete_function()], tracked
    )
