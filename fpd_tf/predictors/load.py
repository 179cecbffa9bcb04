"""Opening a network of any kind."""

from pathlib import Path
from typing import TYPE_CHECKING

from fpd_tf.errors import InputError
from fpd_tf.predictors.predictor import Predictor
from fpd_tf.shipped import KERAS_FILES, model_file

if TYPE_CHECKING:
    import keras


def load_predictor(model: "keras.Model | str | Path | Predictor") -> Predictor:
    """Opens a network.

    Args:
        model: a Keras model, a .keras or .tflite file, or the name of a shipped
            student (its int8 file); an opened one is returned as it is.

    Raises:
        InputError: no such file, another format, damaged, or no network from one
            square RGB image to heatmaps.

    Example:
        >>> import fpd_tf as fpd
        >>> import numpy as np
        >>> from fpd_tf.predictors.load import load_predictor
        >>> network = fpd.build_model("tiny", input_size=64)
        >>> predict = load_predictor(network)
        >>> predict(np.zeros((2, 64, 64, 3))).heatmaps.shape
        (2, 16, 16, 16)
    """
    if isinstance(model, Predictor):
        return model
    if str(model).endswith("pose.json"):
        sentence = "it describes a network; give the .tflite file beside it"
        raise InputError.plain(model, "", sentence)
    if isinstance(model, str | Path):
        model = model_file(model)
        if model.suffix == ".tflite":
            from fpd_tf.predictors.tflite import tflite_predictor

            return tflite_predictor(model)
        if model.suffix not in KERAS_FILES:
            received = "a folder" if model.is_dir() else model.suffix or "no suffix"
            raise InputError(model, "suffix", ".keras or .tflite", received)
    from fpd_tf.predictors.keras_network import keras_predictor

    return keras_predictor(model)
