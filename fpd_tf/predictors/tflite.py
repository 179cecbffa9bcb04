"""A .tflite file as a predictor, run by LiteRT without TensorFlow."""

from pathlib import Path
from threading import Lock

import numpy as np

from fpd_tf.contract.pose_json import joints_and_rules
from fpd_tf.contract.tflite_file import open_interpreter
from fpd_tf.errors import InputError
from fpd_tf.predictors.predictor import Predictor, heatmap_predictor
from fpd_tf.predictors.shapes import codec_of


def tflite_predictor(path: Path) -> Predictor:
    """Opens a .tflite; several threads may use it, one crop at a time.

    Args:
        path: the file; the contract beside it, or else what stands inside, names its
            joints.

    Raises:
        InputError: a bad file, or no network from one image to heatmaps.
    """
    interpreter = open_interpreter(path)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        received = f"{len(inputs)} and {len(outputs)}"
        raise InputError(path, "", "one input and one output", received)
    (image,), (heatmaps,) = inputs, outputs
    shapes = image["shape"].tolist(), heatmaps["shape"].tolist()
    codec, num_joints = codec_of(path, *shapes)
    lock = Lock()

    def run_one(pixels):
        interpreter.set_tensor(image["index"], _quantized(pixels[None], image))
        interpreter.invoke()
        return _dequantized(interpreter.get_tensor(heatmaps["index"]), heatmaps)[0]

    def run(images):
        with lock:
            return np.stack([run_one(pixels) for pixels in images])

    joint_set, rules = joints_and_rules(path, num_joints)
    return heatmap_predictor(str(path), codec, joint_set, rules, run)


def _quantized(values, tensor):
    scale, zero_point = tensor["quantization"]
    if not scale:
        return values
    limits = np.iinfo(tensor["dtype"])
    codes = np.round(values / scale) + zero_point
    return np.clip(codes, limits.min, limits.max).astype(tensor["dtype"])


def _dequantized(codes, tensor):
    scale, zero_point = tensor["quantization"]
    return np.float32(scale) * (np.float32(codes) - zero_point) if scale else codes
