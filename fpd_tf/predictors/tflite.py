"""A .tflite file as a predictor, run by LiteRT without TensorFlow."""

from pathlib import Path

from fpd_tf.contract.pose_json import contract_beside, describe
from fpd_tf.contract.tflite_file import TfliteFile
from fpd_tf.errors import InputError
from fpd_tf.predictors.blazepose import gives_landmarks, landmarks_predictor
from fpd_tf.predictors.movenet import gives_joints, joints_predictor
from fpd_tf.predictors.predictor import Predictor, heatmap_predictor
from fpd_tf.predictors.tflite_network import TfliteNetwork


def tflite_predictor(path: Path, threads: int = 2) -> Predictor:
    """Opens a .tflite; several threads may use it, one crop at a time.

    What the file is, the shapes of its outputs say: heatmaps, or joints as MoveNet or
    BlazePose gives them.

    Args:
        path: the file; the contract beside it, or else what stands inside, names its
            joints.
        threads: of the interpreter.

    Raises:
        InputError: a bad file, or no network from one image to heatmaps or joints.
    """
    file = TfliteFile(path)
    shapes = [output.shape for output in file.outputs]
    if gives_joints(shapes):
        return joints_predictor(TfliteNetwork(file, threads))
    if gives_landmarks(shapes):
        return landmarks_predictor(TfliteNetwork(file, threads))
    if len(shapes) != 1:
        expected = "heatmaps [1, H, H, K], joints [1, 1, K, 3] or BlazePose's five"
        raise InputError(path, "outputs", expected, shapes)
    told = contract_beside(file)
    contract = told or describe(file)
    network = TfliteNetwork(file, threads, trusted=told is not None)

    def heatmaps_of(images):
        return network(images)[0]

    about = contract.codec, contract.joint_set, contract.rules
    return heatmap_predictor(str(path), *about, heatmaps_of)
