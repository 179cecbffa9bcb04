from pathlib import Path

import pytest

from fpd_tf.predictors.load import load_predictor


@pytest.fixture(scope="session")
def held():
    """A tiny trained network, 64 px, MPII's joints."""
    return load_predictor(Path(__file__).parents[1] / "golden" / "tiny.tflite")
