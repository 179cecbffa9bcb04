"""A whole photograph, as TensorFlow decodes it."""

from pathlib import Path

import numpy as np

from fpd_tf.errors import InputError


def photograph(path: Path) -> np.ndarray:
    """(h, w, 3) uint8 RGB of a file.

    Raises:
        InputError: TensorFlow cannot read it.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.photograph import photograph
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="val")
        >>> photograph(people[0].image_path).dtype
        dtype('uint8')
    """
    import tensorflow as tf

    try:
        content = tf.io.read_file(str(path))
        image = tf.io.decode_image(content, channels=3, expand_animations=False)
    except tf.errors.OpError as error:
        reason = error.message.rpartition("}} ")[2].partition(" [Op:")[0]
        expected = "a photograph that TensorFlow decodes"
        raise InputError(path, "", expected, reason) from error
    return image.numpy()
