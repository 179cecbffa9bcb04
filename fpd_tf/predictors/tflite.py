"""A .tflite file as a predictor, run by LiteRT without TensorFlow."""

from pathlib import Path

from fpd_tf.contract.pose_json import contract_beside, contract_path, describe
from fpd_tf.contract.short_form import FORM, check_short, short_contract
from fpd_tf.contract.tflite_file import TfliteFile
from fpd_tf.errors import InputError
from fpd_tf.predictors.blazepose import gives_landmarks, landmarks_predictor
from fpd_tf.predictors.movenet import gives_joints, joints_predictor
from fpd_tf.predictors.predictor import Predictor, heatmap_predictor
from fpd_tf.predictors.tflite_network import TfliteNetwork


def tflite_predictor(path: Path, threads: int = 2) -> Predictor:
    """Opens a .tflite; several threads may use it, one crop at a time.

    The shapes of its outputs tell its kind: heatmaps, or joints in the form of MoveNet
    or BlazePose.

    Args:
        path: the file; its joints are named by the pose.json beside it, full or short,
            or else inside the file.
        threads: of the interpreter.

    Raises:
        InputError: a bad file, or no network from one image to heatmaps or joints.
    """
    file = TfliteFile(path)
    shapes = [output.shape for output in file.outputs]
    if gives_landmarks(shapes):
        _no_contract_for(file, "the joints of BlazePose, which are known")
        return landmarks_predictor(TfliteNetwork(file, threads))
    told = short_contract(file)
    joints = gives_joints(shapes)
    if joints and not told:
        _no_contract_for(file, f"joints: write a short contract, {FORM}")
    if not joints and [len(shape) for shape in shapes] != [4]:
        expected = "heatmaps [1, H, H, K], joints [1, 1, K, 3] or BlazePose's five"
        raise InputError(path, "outputs", expected, shapes)
    whole = None if told or joints else contract_beside(file)
    trusted = whole is not None
    image_range = whole.image.range if whole else told and told.image.range
    network = TfliteNetwork(file, threads, trusted=trusted, image_range=image_range)
    if told:
        num_joints = shapes[0][-2 if joints else -1]
        check_short(told, file, network.input_size, num_joints)
    if joints:
        return joints_predictor(network, told)
    contract = whole or describe(file, joint_set=told and told.joint_set)

    def heatmaps_of(images):
        return network(images)[0]

    about = contract.codec, contract.joint_set, contract.rules
    return heatmap_predictor(str(path), *about, heatmaps_of)


def _no_contract_for(file, gives):
    """Raises for a contract beside a file of a kind that it cannot describe."""
    path = contract_path(file.path)
    if path.exists():
        sentence = f"it cannot describe {file.path.name}, which gives {gives}"
        raise InputError.plain(path, "", sentence)
