"""Makes the files that tests/test_held_predictions.py holds; by hand, when they change.

python tests/golden/make.py
"""

import tempfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import fpd_tf as fpd
from fpd_tf.contract.pose_json import contract_path, describe, write_contract
from fpd_tf.data.images import read_image
from fpd_tf.models.keras_file import named_network, save_network
from fpd_tf.predictors.load import load_predictor

HERE = Path(__file__).parent
CONFIG = fpd.DataConfig(input_size=64, sigma=1.5, batch_size=10)


def tiny():
    """Three convolutions, 64 px to 16 x 16 cells."""
    layers = keras.layers
    image = layers.Input((64, 64, 3), name="image")
    x = layers.Conv2D(8, 4, 4, use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.Conv2D(8, 7, padding="same", use_bias=False, name="wide")(x)
    x = layers.BatchNormalization(name="bn_wide")(x)
    x = layers.ReLU(name="relu_wide")(x)
    return keras.Model(image, layers.Conv2D(16, 1, name="heatmaps")(x), name="tiny")


def main():
    keras.utils.set_random_seed(0)
    network = tiny()
    network.compile(keras.optimizers.Adam(3e-3), fpd.joints_mse, jit_compile=False)
    with tempfile.TemporaryDirectory() as folder:
        people = fpd.synthesize(f"{folder}/people", count=240)
        samples = fpd.load_mpii(people, "train")
        network.fit(
            fpd.make_dataset(samples, CONFIG, training=True), epochs=60, verbose=0
        )
        photo = Image.fromarray(read_image(samples[0].image_path)).reduce(2)
    plain = named_network(keras.Model(network.inputs, network.outputs), fpd.MPII)
    save_network(plain, HERE / "tiny.keras")
    model = fpd.export_tflite(plain, HERE / "tiny.tflite")
    write_contract(contract_path(model), describe(model))
    photo.save(HERE / "photo.png")
    whole = fpd.Box.whole(*photo.size)
    pose = fpd.PoseEstimator(HERE / "tiny.keras").predict(HERE / "photo.png", whole)
    crop = np.asarray(photo.resize((64, 64)), np.float32)[None] / 255
    heatmaps = load_predictor(HERE / "tiny.keras").heatmaps(crop)[0]
    held = {"joints": pose.joints, "scores": pose.scores, "heatmaps": heatmaps}
    np.savez_compressed(HERE / "predictions.npz", **held)


if __name__ == "__main__":
    main()
