"""Reading networks from .keras files."""

from pathlib import Path

import keras

from fpd_tf.errors import InputError


def load_network(path: str | Path) -> keras.Model:
    """Loads a .keras file in safe mode, ready to run or to train on.

    Raises:
        InputError: no such file, or not a network saved by Keras.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.keras_file import load_network
        >>> fpd.build_model("hourglass_1x256", input_size=64).save("tiny.keras")
        >>> load_network("tiny.keras").name
        'hourglass_1x256'
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "", "a .keras file", "no such file")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its readers raise
        reason = str(error).strip().splitlines()[0] if str(error) else type(error)
        raise InputError(path, "", "a network saved by Keras", reason) from error
