"""Any trained network, Keras or TFLite, as one function: images to heatmaps.

B batch, S input size, H W heatmap, K joints.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fpd_tf.contract.tflite_file import open_interpreter
from fpd_tf.errors import InputError
from fpd_tf.joints import JointSet
from fpd_tf.models.keras_file import load_network


@dataclass(frozen=True, eq=False)
class Predictor:
    """Heatmaps of a network's last stack.

    Args:
        name: of the network or its file, for messages.
        input_size: S, pixels.
        heatmap_size: (H, W).
        num_joints: K.
        run: images (B, S, S, 3) float32 to heatmaps (B, H, W, K) float32.
    """

    name: str
    input_size: int
    heatmap_size: tuple[int, int]
    num_joints: int
    run: Callable[[np.ndarray], np.ndarray]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(B, S, S, 3) RGB in [0, 1] to (B, H, W, K) float32.

        Raises:
            ValueError: the images have another shape.
        """
        images = np.asarray(images, np.float32)
        size = self.input_size
        if images.ndim != 4 or images.shape[1:] != (size, size, 3):
            raise ValueError(
                f"`images` must have shape (B, {size}, {size}, 3). "
                f"Received: {images.shape}"
            )
        return self.run(images)


def load_predictor(model: keras.Model | str | Path) -> Predictor:
    """Makes a function of a network, wherever it comes from.

    Args:
        model: a Keras model, a .keras file or a .tflite file.

    Raises:
        InputError: no such file, another format, damaged, or no network from one
            square RGB image to heatmaps.

    Example:
        >>> import fpd_tf as fpd
        >>> import numpy as np
        >>> from fpd_tf.predictors.predictor import load_predictor
        >>> predict = load_predictor(fpd.build_model("hourglass_1x256", input_size=64))
        >>> predict(np.zeros((2, 64, 64, 3), np.float32)).shape
        (2, 16, 16, 16)
    """
    if isinstance(model, keras.Model):
        return _keras_predictor(model, model.name)
    if Path(model).suffix == ".tflite":
        return _tflite_predictor(model)
    return _keras_predictor(load_network(model), model)


def with_flip(predict: Callable, joint_set: JointSet) -> Callable:
    """A predictor that averages each crop's heatmaps with those of its mirror image.

    Crop and heatmap mirror alike (see `data.heatmaps`), so nothing is shifted.
    """

    def averaged(images: np.ndarray) -> np.ndarray:
        mirrored = predict(images[:, :, ::-1])[:, :, ::-1, joint_set.flip_order]
        return (predict(images) + mirrored) / 2

    return averaged


def _keras_predictor(model, source):
    try:
        (image,), heatmaps = model.inputs, model.outputs[-1]
        network = keras.Model(image, heatmaps)
    except (AttributeError, TypeError, ValueError) as error:
        kind = type(model).__name__
        raise InputError(source, "", "a Functional model of one input", kind) from error
    network.compile(jit_compile=False)
    return _predictor(source, image.shape, heatmaps.shape, network.predict_on_batch)


def _tflite_predictor(path):
    interpreter = open_interpreter(path)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        received = f"{len(inputs)} and {len(outputs)}"
        raise InputError(path, "", "one input and one output", received)
    (image,), (heatmaps,) = inputs, outputs

    def run_one(pixels):
        interpreter.set_tensor(image["index"], _quantized(pixels[None], image))
        interpreter.invoke()
        return _dequantized(interpreter.get_tensor(heatmaps["index"]), heatmaps)[0]

    def run(images):
        return np.stack([run_one(pixels) for pixels in images])

    return _predictor(path, image["shape"], heatmaps["shape"], run)


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


def _predictor(source, image, heatmaps, run):
    _, *size = image
    if len(heatmaps) != 4 or len(size) != 3 or size[0] != size[1] or size[2] != 3:
        received = f"{tuple(image)} to {tuple(heatmaps)}"
        raise InputError(source, "shapes", "(1, S, S, 3) to (1, H, W, K)", received)
    height, width, joints = map(int, heatmaps[1:])
    return Predictor(str(source), int(size[0]), (height, width), joints, run)
