"""First weights of `movenet_lite` from MoveNet Lightning, for training.

python -m tools.lite_start runs/lightning.keras lspet runs/lite-start.keras

All layers that both have are taken over. The 1x1 convolution that replaces the last
blocks of Lightning gets the weights that come closest to their features on training
crops (linear least squares).
"""

from pathlib import Path

import keras
import numpy as np
import typer

import fpd_tf as fpd
from fpd_tf.models.keras_file import (
    joint_set_of_network,
    load_network,
    named_network,
    save_network,
)
from fpd_tf.training.start import start_from

REPLACED = "pyramid_32_conv"
CROPS = 512


def main(lightning: Path, root: Path, out: Path):
    """Writes the .keras file to start from."""
    whole = load_network(lightning)
    size, joint_set = whole.input_shape[1], joint_set_of_network(whole)
    network = fpd.build_model("movenet_lite", num_joints=joint_set.num_joints)
    named_network(network, joint_set)
    start_from(lightning, network)
    crops = _crops(root, size)
    wanted = _features(whole, whole.get_layer(REPLACED).output, crops)
    given = _features(network, network.get_layer(REPLACED).input, crops)
    fitted, explained = _least_squares(given, wanted)
    network.get_layer(REPLACED).set_weights(fitted)
    save_network(network, out)
    print(f"{out}: {100 * explained:.0f}% of the replaced features' variance")


def _crops(root, size):
    people = fpd.load_lsp(root, "train")[:CROPS]
    dataset = fpd.make_dataset(people, fpd.DataConfig(input_size=size))
    return np.concatenate([images for images, *_ in dataset.as_numpy_iterator()])


def _features(network, tensor, crops):
    """(N, channels) of all cells."""
    found = keras.Model(network.inputs, tensor).predict(crops, verbose=0)
    return found.reshape(-1, found.shape[-1])


def _least_squares(given, wanted):
    """Kernel and bias of the 1x1 convolution, and the share of variance explained."""
    ones = np.ones((len(given), 1), np.float32)
    solution, *_ = np.linalg.lstsq(np.hstack([given, ones]), wanted, rcond=None)
    kernel, bias = solution[:-1], solution[-1]
    left = (wanted - given @ kernel - bias).var(axis=0).sum()
    return (kernel[None, None], bias), 1 - left / wanted.var(axis=0).sum()


if __name__ == "__main__":
    typer.run(main)
