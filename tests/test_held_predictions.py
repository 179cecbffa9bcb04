"""What one trained network says of one photograph, held from release to release.

Sums taken in another order move these heatmaps by less than 1e-6 (oneDNN on or off,
Keras or TFLite), noise of 1e-5 their joints by less than 0.005 px: ten times and twice
that is allowed. tests/golden/make.py says where the files come from.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fpd_tf as fpd
from fpd_tf.predictors.load import load_predictor

HELD = Path(__file__).with_name("golden")


@pytest.mark.parametrize("model", ["tiny.keras", "tiny.tflite"])
def test_predictions_are_those_of_the_release_before(model):
    photo = Image.open(HELD / "photo.png")
    whole = fpd.Box.whole(*photo.size)
    pose = fpd.PoseEstimator(HELD / model).predict(HELD / "photo.png", whole)
    crop = np.asarray(photo.resize((64, 64)), np.float32)[None] / 255
    (heatmaps,) = load_predictor(HELD / model).heatmaps(crop)
    with np.load(HELD / "predictions.npz") as held:
        np.testing.assert_allclose(heatmaps, held["heatmaps"], atol=1e-5)
        np.testing.assert_allclose(pose.scores, held["scores"], atol=1e-5)
        np.testing.assert_allclose(pose.joints, held["joints"], atol=0.01)
