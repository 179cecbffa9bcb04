"""A trained network for images of another size: the same weights, larger heatmaps.

python -m studies.at_size runs/teacher/student.keras 192 runs/teacher/at-192.keras
"""

from pathlib import Path

import keras
import typer

from fpd_tf.models.keras_file import (
    joint_set_of_network,
    load_network,
    named_network,
    save_network,
)


def main(network: Path, size: int, out: Path):
    """Writes the network for images of SIZE pixels."""
    save_network(at_size(network, size), out)


def at_size(path: Path, size: int) -> keras.Model:
    """A trained network for other images, with the same weights and joints."""
    network = load_network(path)
    image = keras.Input((size, size, 3), name="image")
    resized = keras.models.clone_model(network, input_tensors=image)
    resized.set_weights(network.get_weights())
    joint_set = joint_set_of_network(network)
    return named_network(resized, joint_set) if joint_set else resized


if __name__ == "__main__":
    typer.run(main)
