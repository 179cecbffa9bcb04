"""A trained network to a .tflite that every app binding can load.

S input size, H W heatmap, K joints.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from fpd_tf.contract.metadata import with_metadata
from fpd_tf.contract.tflite_file import open_interpreter
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.export.fine_tune import (
    FINE_TUNING,
    Lessons,
    pruned,
    quantization_aware,
)
from fpd_tf.export.fold import deploy_network
from fpd_tf.export.quantize import (
    Ranges,
    best_percentage,
    quantized,
    tensor_ranges,
)
from fpd_tf.files import written_whole
from fpd_tf.joints import JointSet
from fpd_tf.models.keras_file import joint_set_of_network, load_network
from fpd_tf.quiet import quiet
from fpd_tf.training.recipes import TrainConfig
from fpd_tf.training.run import CACHE

QUANTIZATIONS = ("none", "float16", "dynamic", "int8", "int16x8")
TRAINED = "qat"
IO_TYPES = ("float32", "uint8", "int8")
FEWEST_SAMPLES = 200
USUAL, WIDEST = 95, 32


def export_tflite(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    quantization: str = "none",
    samples: People | None = None,
    io: str = "float32",
    calibration_count: int = 256,
    seed: int = 0,
    joint_set: JointSet | None = None,
    sparsity: float = 0.0,
    teacher: keras.Model | str | Path | None = None,
    config: TrainConfig = FINE_TUNING,
    accept: Callable[[Path], object] | None = None,
) -> Path:
    """Writes a network as .tflite: `image` [1, S, S, 3] to `heatmaps` [1, H, W, K].

    The signature is `serving_default`, with these names in every variant; the image is
    RGB in [0, 1] (with integer `io`, in the file's scale: uint8 pixels as they are).

    With "qat" or `sparsity` the network is trained on before it is written: as int8
    computes, or while weights become zero. What a teacher says of the samples is kept
    beside the file in teacher-cache/.

    Args:
        model: a Keras network or its .keras file.
        path: the file to write.
        quantization: "none", "float16" or "dynamic" (weights), "int8" or "int16x8"
            (weights and activations, ranges measured on crops of `samples`), or "qat"
            (int8, trained on).
        samples: people of the training set, for int8, int16x8, qat and sparsity.
        io: "float32", the one type that every binding loads, or "uint8" or "int8"
            with int8 or qat quantization.
        calibration_count: crops to measure ranges on.
        seed: of their choice.
        joint_set: of the heatmaps; the network's own, or else the samples', where None.
        sparsity: part of each convolution's weights to make zero.
        teacher: a trained network or its .keras file, to go on learning from.
        config: of that training, as `Lessons` reads it.
        accept: called with the finished file before it takes its place; what it raises
            keeps the file out.

    Raises:
        InputError: no network to convert, too few samples, an unknown or unfitting
            option, or a path of another kind.
        GateError: the loss of training on is no longer finite.

    Example:
        >>> import fpd_tf as fpd
        >>> network = fpd.build_model("hourglass_1x256", input_size=64)
        >>> fpd.export_tflite(network, "student.tflite").name
        'student.tflite'
    """
    path = Path(path)
    _check_options(path, quantization, io, sparsity, teacher)
    if not isinstance(model, keras.Model):
        model = load_network(model)
    network = deploy_network(model)
    joint_set = joint_set or joint_set_of_network(model)
    joint_set = joint_set or (samples.joint_set if samples else None)
    check_joint_set(path, network.output_shape[-1], joint_set)
    lessons = Lessons(samples or (), config, teacher, path.parent / CACHE)
    if sparsity:
        network = pruned(network, sparsity, lessons)
    if quantization in ("int8", "int16x8", TRAINED):
        size = network.input_shape[1]
        crops = calibration_crops(samples or (), size, calibration_count, seed)
        content = _calibrated(network, quantization, crops, io, lessons)
    else:
        content = converted(network, quantization)
    with written_whole(path) as aside:
        aside.write_bytes(with_metadata(content, joint_set))
        open_interpreter(aside)
        if accept:
            accept(aside)
    return path


def converted(network, quantization: str = "none") -> bytes:
    """The content of a .tflite, for what needs no calibration.

    Args:
        network: of `deploy_network`.
        quantization: "none", "float16" or "dynamic".

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.convert import converted
        >>> from fpd_tf.export.fold import deploy_network
        >>> network = deploy_network(fpd.build_model("hourglass_1x256", input_size=64))
        >>> converted(network)[4:8]
        b'TFL3'
    """
    import tensorflow as tf

    converter = _converter(network)
    if quantization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    with quiet():
        return converter.convert()


def calibration_samples(samples: People, count: int, seed: int) -> People:
    """`count` people chosen at random.

    Raises:
        InputError: fewer people than `count` and than `FEWEST_SAMPLES`.
    """
    needed = min(count, FEWEST_SAMPLES)
    if len(samples) < needed:
        expected = f"at least {needed} people to calibrate on"
        raise InputError("samples", "", expected, len(samples))
    order = np.random.default_rng(seed).permutation(len(samples))[:count]
    return samples.of(samples[index] for index in order)


def calibration_crops(samples: People, size: int, count: int, seed: int) -> np.ndarray:
    """(N, S, S, 3) float32 crops of `calibration_samples`, unaugmented.

    Raises:
        InputError: fewer people than `count` and than `FEWEST_SAMPLES`, or a photograph
            broke or vanished.
    """
    from fpd_tf.data.pipeline import DataConfig, broken_files_named, make_dataset

    config = DataConfig(input_size=size)
    chosen = calibration_samples(samples, count, seed)
    batches = make_dataset(chosen, config).as_numpy_iterator()
    with broken_files_named(chosen):
        return np.concatenate([images for images, _, _ in batches])


def calibration_ranges(
    model: keras.Model | str | Path,
    samples: People,
    *,
    calibration_count: int = 256,
    seed: int = 0,
) -> tuple[Ranges, People]:
    """What int8 would be calibrated on: the range of every tensor on each sample.

    Args:
        model: a Keras network or its .keras file.
        samples: people of the training set.
        calibration_count: crops to measure ranges on.
        seed: of their choice.

    Returns:
        Ranges on N crops, and the N people in the same order.

    Raises:
        InputError: no network to convert, or too few samples.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.export.convert import calibration_ranges
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="train")
        >>> network = fpd.stacked_hourglass(num_stacks=1, num_features=8, input_size=64)
        >>> ranges, chosen = calibration_ranges(network, people, calibration_count=2)
        >>> ranges.lowest.shape[0], len(chosen)
        (2, 2)
    """
    network = _network(model)
    size = network.input_shape[1]
    crops = calibration_crops(samples, size, calibration_count, seed)
    chosen = calibration_samples(samples, calibration_count, seed)
    return tensor_ranges(converted(network), crops), chosen


def check_joint_set(
    source: str | Path, num_joints: int, joint_set: JointSet | None
) -> None:
    """Refuses a joint set that has another number of joints than the heatmaps.

    Raises:
        InputError: it has.
    """
    if joint_set and joint_set.num_joints != num_joints:
        raise InputError(source, "joints", f"{joint_set.num_joints}", num_joints)


def _network(model):
    return deploy_network(
        model if isinstance(model, keras.Model) else load_network(model)
    )


def _check_options(path, quantization, io, sparsity, teacher):
    if path.suffix != ".tflite" or not path.parent.is_dir():
        raise InputError(
            path, "", "a .tflite file in a folder that is there", path.name
        )
    if quantization not in (*QUANTIZATIONS, TRAINED):
        expected = f"one of {', '.join((*QUANTIZATIONS, TRAINED))}"
        raise InputError("quantization", "", expected, quantization)
    if io not in IO_TYPES:
        raise InputError("io", "", f"one of {', '.join(IO_TYPES)}", io)
    if io != "float32" and quantization not in ("int8", TRAINED):
        raise InputError("io", "", f"float32 with {quantization} quantization", io)
    if not 0 <= sparsity < 1:
        raise InputError("sparsity", "", "a part within [0, 1)", sparsity)
    if teacher is not None and not (sparsity or quantization == TRAINED):
        raise InputError("teacher", "", "qat or sparsity with it", quantization)


def _calibrated(network, quantization, crops, io, lessons):
    plain = converted(network)
    ranges = tensor_ranges(plain, crops)
    if quantization == "int16x8":
        usual = np.argsort(ranges.excess)[: len(crops) * USUAL // 100]
        return _int16x8(network, crops[usual[-WIDEST:]])
    percentage = best_percentage(plain, ranges, crops[::4])
    if quantization == TRAINED:
        limits = zip(*ranges.within(percentage), strict=True)
        of_layers = dict(zip(ranges.names, limits, strict=True))
        quantization_aware(network, of_layers, lessons)
        return _calibrated(network, "int8", crops, io, lessons)
    return quantized(plain, ranges, percentage, io)


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

    @tf.function(input_signature=[image])
    def serve(image):
        return {"heatmaps": network(image, training=False)}

    tracked = tf.Module()
    tracked.weights = network.weights
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [serve.get_concrete_function()], tracked
    )
