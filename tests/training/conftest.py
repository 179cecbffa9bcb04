"""Networks and people so small that tracing them takes a second.

B = 2 people, S = 32 px, H = W = 8 cells, K = 16 joints.
"""

import keras
import numpy as np
import pytest
from PIL import Image

from fpd_tf.data.people import People, Sample
from fpd_tf.geometry import Box
from fpd_tf.joints import MPII


@pytest.fixture(scope="session")
def tiny_network():
    """Builds two convolutions with a normalisation between, the score per stack."""

    def build(*, num_stacks=1, num_joints=16, input_size=32, seed=0, name="tiny"):
        layers = keras.layers
        start = keras.initializers.GlorotUniform(seed)
        images = layers.Input((input_size, input_size, 3), name="image")
        x = layers.Conv2D(6, 4, strides=4, kernel_initializer=start, name="conv")(
            images
        )
        x = layers.BatchNormalization(momentum=0.9, name="bn")(x)
        x = layers.ReLU(name="relu")(x)
        heatmaps = []
        for stack in range(num_stacks):
            start = keras.initializers.GlorotUniform(seed + stack)
            y = layers.Conv2D(
                num_joints, 1, kernel_initializer=start, name=f"stack{stack}_score"
            )(x)
            heatmaps.append(
                layers.Activation(
                    "linear", dtype="float32", name=f"stack{stack}_heatmaps"
                )(y)
            )
        return keras.Model(images, heatmaps, name=name)

    return build


@pytest.fixture(scope="session")
def batch():
    """Images, heatmaps and joint weights of five people; two joints have no label."""
    rng = np.random.default_rng(0)
    images = rng.random((5, 32, 32, 3), np.float32)
    heatmaps = rng.random((5, 8, 8, 16), np.float32)
    weights = np.ones((5, 16), np.float32)
    weights[:, 3], weights[1, 7] = 0, 0
    return images, heatmaps, weights


@pytest.fixture(scope="session")
def people(tmp_path_factory) -> People:
    """Five people of 16 joints with a bright patch at each joint."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    samples = []
    for index in range(5):
        joints = rng.uniform(4, 36, (16, 2)).astype(np.float32)
        photo = np.full((40, 40, 3), 40, np.uint8)
        for x, y in joints.astype(int):
            photo[y - 2 : y + 3, x - 2 : x + 3] = 220
        path = folder / f"{index}.jpg"
        Image.fromarray(photo).save(path)
        known = np.ones(16, bool)
        samples.append(Sample(path, joints, known, known, Box(19.5, 19.5, 40), 5.0))
    return People(samples, MPII, "pckh")
