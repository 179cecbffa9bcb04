"""Building the network of a run, and its Distiller."""

import logging

import keras
import tensorflow as tf

from fpd_tf.codec import STRIDE
from fpd_tf.contract.shapes import codec_of
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.models.keras_file import check_loadable, joint_set_of_network, named_network
from fpd_tf.models.precision import with_precision
from fpd_tf.models.presets import build_model
from fpd_tf.training.distiller import Distiller, check_student
from fpd_tf.training.fused_norm import FUSED
from fpd_tf.training.losses import (
    joints_binary_cross_entropy,
    joints_cross_entropy,
    joints_mse,
)
from fpd_tf.training.recipes import TrainConfig, make_optimizer
from fpd_tf.training.start import start_from

logger = logging.getLogger("fpd_tf")

HIGH_FOR_A_SIGMOID = (
    1e-4  # MoveNet trained well at 8e-5; at 2e-4 its heatmaps became empty
)
DISTANCES = {
    "mse": joints_mse,
    "cross_entropy": joints_cross_entropy,
    "binary_cross_entropy": joints_binary_cross_entropy,
}


def network_for(
    people: People, config: TrainConfig, network: keras.Model | None = None
) -> keras.Model:
    """The network to train, with initial weights and the people's joint names.

    Args:
        people: to train on.
        config: preset, size, seed and initial weights.
        network: your own, in place of the preset.

    Raises:
        InputError: a setting that follows from the data, or a network that does not
            fit.
    """
    keras.utils.set_random_seed(config.data.seed)
    if network is None:
        network = _of_preset(people, config)
    else:
        _check_own(network, people, config)
    named_network(network, people.joint_set)
    if config.start_from:
        start_from(config.start_from, network)
    return network


def compiled_distiller(
    network: keras.Model,
    config: TrainConfig,
    steps_per_epoch: int,
    *,
    teacher: keras.Model | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Distiller:
    """A compiled Distiller of a copy of the network in the recipe's precision.

    Args:
        network: plain and float32; stays as it is.
        config: optimizer, precision and distillation.
        steps_per_epoch: for schedules.
        teacher: trained network to run in each step; None if the batches have the
            teacher's heatmaps, or for labels only.
        strategy: of several devices; they hold a copy each.

    Raises:
        InputError: binary cross-entropy, but no sigmoid on the heatmaps.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.training.build import compiled_distiller
        >>> network = fpd.build_model("tiny", input_size=64)
        >>> config = fpd.TrainConfig(precision="mixed_bfloat16")
        >>> compiled_distiller(network, config, 10).student.layers[1].compute_dtype
        'bfloat16'
    """
    _check_distances(network, config)
    strategy = strategy or tf.distribute.get_strategy()
    several = strategy.num_replicas_in_sync > 1
    how = {"policy": config.precision, "layers": FUSED}
    with strategy.scope():
        optimizer = make_optimizer(config, steps_per_epoch)
        student = with_precision(network, synchronized=several, **how)
        optimizer.build(student.trainable_variables)
        teacher = with_precision(teacher, **how) if teacher else None
    distiller = Distiller(
        teacher=teacher,
        student=student,
        distillation_weight=config.distillation_weight,
        distance=DISTANCES[config.distillation_distance],
        teach_unlabelled=config.teach_unlabelled,
        student_distance=DISTANCES[config.student_distance],
    )
    distiller.compile(optimizer, jit_compile=False)
    return distiller


def _check_distances(network, config):
    heatmaps = {id(tensor) for tensor in network.outputs}
    last = [layer for layer in network.layers if id(layer.output) in heatmaps]
    of_sigmoid = bool(last) and all(
        getattr(layer, "activation", None) is keras.activations.sigmoid
        for layer in last
    )
    for field in ("student_distance", "distillation_distance"):
        if getattr(config, field) == "binary_cross_entropy" and not of_sigmoid:
            sentence = (
                f"binary_cross_entropy needs heatmaps that come out of a sigmoid, as "
                f"those of the movenet presets do; those of {network.name} do not"
            )
            raise InputError.plain("config", field, sentence)
    squared = config.student_distance == "mse"
    if of_sigmoid and squared and config.learning_rate > HIGH_FOR_A_SIGMOID:
        logger.warning(
            "%s: at this learning rate the squared error can leave the heatmaps of a "
            "sigmoid empty; set student_distance and distillation_distance to "
            "binary_cross_entropy, or learning_rate to %g",
            *(network.name, HIGH_FOR_A_SIGMOID),
        )


def _of_preset(people, config):
    of_data = {
        "num_joints": people.joint_set.num_joints,
        "input_size": config.data.input_size,
    }
    for name in of_data.keys() & config.model.keys():
        expected = f"{of_data[name]}, as in the data"
        raise InputError("config.model", name, expected, config.model[name])
    return build_model(config.preset, **of_data, **config.model)


def _check_own(network, people, config):
    if config.model:
        sentence = "must be empty where you give a network"
        raise InputError.plain("config", "model", sentence)
    check_student(network, "network")
    check_loadable(network)
    image, heatmaps = network.inputs[0].shape, network.outputs[-1].shape
    codec, num_joints = codec_of(network.name, image, heatmaps)
    size = config.data.input_size
    named = joint_set_of_network(network)
    if named and not named.is_numbered and named.joints != people.joint_set.joints:
        expected = (
            f"{', '.join(people.joint_set.joints)}, as in the data (start_from matches "
            "joints by name)"
        )
        raise InputError(network.name, "joints", expected, ", ".join(named.joints))
    for field, expected, received in (
        ("input size", size, codec.input_size),
        ("heatmap size", size // STRIDE, codec.size),
        ("joints", people.joint_set.num_joints, num_joints),
    ):
        if received != expected:
            wanted = f"{expected}, as in the data"
            raise InputError(network.name, field, wanted, received)
