"""The image input of all networks."""

import keras

from fpd_tf.errors import InputError


def image_input(size: int):
    """The Keras input of (B, size, size, 3) images in [0, 1].

    Raises:
        InputError: Keras is set to channels first: rows would be read as channels.
    """
    if keras.config.image_data_format() != "channels_last":
        sentence = 'must be "channels_last", as the networks of fpd_tf expect'
        raise InputError.plain("Keras", "image_data_format", sentence)
    return keras.Input((size, size, 3), name="image")
