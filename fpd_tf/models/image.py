"""The image that every network here starts from."""

import keras

from fpd_tf.errors import InputError


def image_input(size: int):
    """The Keras input of (B, size, size, 3) images in [0, 1].

    Raises:
        InputError: Keras is set to channels first, and layers would take rows for
            channels.
    """
    if keras.config.image_data_format() != "channels_last":
        sentence = 'must be "channels_last", the order of the networks here'
        raise InputError.plain("Keras", "image_data_format", sentence)
    return keras.Input((size, size, 3), name="image")
