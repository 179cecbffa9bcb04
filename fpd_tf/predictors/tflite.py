"""A .tflite file as a predictor, run by LiteRT without TensorFlow."""

from pathlib import Path

from fpd_tf.contract.pose_json import joints_and_rules
from fpd_tf.errors import InputError
from fpd_tf.predictors.movenet import gives_joints, joints_predictor
from fpd_tf.predictors.predictor import Predictor, heatmap_predictor
from fpd_tf.predictors.shapes import codec_of
from fpd_tf.predictors.tflite_network import TfliteNetwork


def tflite_predictor(path: Path, threads: int = 2) -> Predictor:
    """Opens a .tflite; several threads may use it, one crop at a time.

    What the file is, the shapes of its outputs say: heatmaps, or joints as MoveNet
    gives them.

    Args:
        path: the file; the contract beside it, or else what stands inside, names its
            joints.
        threads: of the interpreter.

    Raises:
        InputError: a bad file, or no network from one image to heatmaps or joints.
    """
    network = TfliteNetwork(path, threads)
    if gives_joints(network.shapes):
        return joints_predictor(network)
    if len(network.shapes) != 1:
        expected = "heatmaps [1, H, H, K] or joints [1, 1, K, 3]"
        raise InputError(path, "outputs", expected, network.shapes)
    image = 1, network.input_size, network.input_size, 3
    codec, num_joints = codec_of(path, image, network.shapes[0])
    joint_set, rules = joints_and_rules(path, num_joints)

    def heatmaps_of(images):
        return network(images)[0]

    return heatmap_predictor(str(path), codec, joint_set, rules, heatmaps_of)
