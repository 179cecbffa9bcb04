"""A Keras network, built or read from a .keras file, as a predictor."""

from pathlib import Path

import keras

from fpd_tf.contract.rules import rules_for
from fpd_tf.contract.shapes import codec_of
from fpd_tf.errors import InputError
from fpd_tf.joints import numbered_joints
from fpd_tf.models.keras_file import joint_set_of_network, load_network
from fpd_tf.predictors.predictor import Predictor, heatmap_predictor


def keras_predictor(model: keras.Model | str | Path) -> Predictor:
    """Opens a Keras network; its last output is the prediction.

    Args:
        model: a network or its .keras file. Joints without names are numbered.

    Raises:
        InputError: no network from one square RGB image of fixed size to heatmaps.
    """
    if not isinstance(model, keras.Model | str | Path):
        expected = "a network, or a .keras or .tflite file"
        raise InputError("model", "", expected, type(model).__name__)
    source = model.name if isinstance(model, keras.Model) else str(model)
    network = model if isinstance(model, keras.Model) else load_network(model)
    try:
        (image,), heatmaps = network.inputs, network.outputs[-1]
        last = keras.Model(image, heatmaps)
    except (AttributeError, TypeError, ValueError) as error:
        kind = type(network).__name__
        raise InputError(source, "", "a Functional model of one input", kind) from error
    codec, num_joints = codec_of(source, image.shape, heatmaps.shape)
    joint_set = joint_set_of_network(network) or numbered_joints(num_joints)
    last.compile(jit_compile=False)
    rules = rules_for(joint_set)
    return heatmap_predictor(source, codec, joint_set, rules, last.predict_on_batch)
