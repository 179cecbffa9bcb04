"""A network whose cells are 2 pixels: all that decode it find the same pixel."""

import keras
import numpy as np
import pytest
from PIL import Image

import fpd_tf as fpd
from fpd_tf.data.people import People, Sample
from fpd_tf.geometry import Box
from fpd_tf.inference.track import Tracker
from fpd_tf.joints import MPII

PLACE = 20.5, 40.5
BOX = 0, 0, 64, 64


@pytest.fixture(scope="module")
def network():
    """All 16 joints where 2 x 2 pixels are brightest."""
    find = keras.layers.Conv2D(16, 2, 2, use_bias=False)
    image = keras.Input((64, 64, 3))
    model = keras.Model(image, find(image))
    find.kernel.assign(np.full((2, 2, 3, 16), 1 / 12))
    return model


@pytest.fixture(scope="module")
def photo():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[40:42, 20:22] = 255
    return pixels


def test_photographs_and_videos_are_decoded_alike(network, photo):
    still = fpd.PoseEstimator(network).predict(photo, BOX)
    moving = Tracker(network, box=BOX).update(photo, seconds=0.0)
    for pose in (still, moving):
        np.testing.assert_allclose(pose.joints, np.tile(PLACE, (16, 1)), atol=0.01)


def test_scores_are_those_of_that_pixel(network, photo, tmp_path):
    path, known = tmp_path / "photo.png", np.ones(16, bool)
    Image.fromarray(photo).save(path)
    joints = np.tile(PLACE, (16, 1)).astype(np.float32)
    person = Sample(path, joints, known, known, Box(31.5, 31.5, 64), head_size=1.0)
    evaluation = fpd.evaluate(network, People([person], MPII, "pckh"))
    assert evaluation.scores.mean == 100
    assert evaluation.signed_error == pytest.approx((0, 0), abs=0.01)
