"""A .tflite as a predictor: parsed once, run apart unless a contract vouches for it."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fpd_tf.contract import tflite_file
from fpd_tf.contract.pose_json import contract_path
from fpd_tf.errors import InputError
from fpd_tf.joints import MPII
from fpd_tf.predictors import tflite_network
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.tflite_network import _usual_range

HELD = Path(__file__).parents[1] / "golden" / "tiny.tflite"


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model without a contract, in a process that has run nothing yet."""
    monkeypatch.setattr(tflite_file, "_ran", set())
    return Path(shutil.copy(HELD, tmp_path))


@pytest.fixture
def calls(monkeypatch):
    """How often a file was parsed, run in a child, and started."""
    found = []
    for name in ("_parsed", "read_in_child", "_started"):
        real = getattr(tflite_file, name)

        def counted(*arguments, name=name, real=real):
            found.append(name)
            return real(*arguments)

        monkeypatch.setattr(tflite_file, name, counted)
    return found


def test_a_file_is_parsed_once_and_run_in_a_child_first(model, calls):
    load_predictor(model)
    assert calls == ["_parsed", "read_in_child", "_started"]
    load_predictor(model)
    assert calls[3:] == ["_parsed", "_started"]


def test_a_file_that_its_contract_vouches_for_needs_no_child(model, calls):
    shutil.copy(contract_path(HELD), model.parent)
    assert load_predictor(model).joint_set is MPII
    assert calls == ["_parsed", "_started"]


def test_a_file_that_its_contract_does_not_know_is_refused(model):
    shutil.copy(contract_path(HELD), model.parent)
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(InputError, match="tiny.tflite: SHA-256: expected"):
        load_predictor(model)


def test_four_threads_may_use_one_file():
    predict = load_predictor(HELD)
    images = np.random.default_rng(0).random((40, 1, 64, 64, 3), np.float32)
    expected = [predict(image).heatmaps for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: predict(image).heatmaps, images))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("scale", "zero_point", "dtype", "values"),
    [
        (1 / 255, 0, np.uint8, (0, 1)),
        (1 / 255, -128, np.int8, (0, 1)),
        (0.9 / 255, -128, np.int8, (0, 1)),  # calibrated on dark photographs
        (2 / 255, 128, np.uint8, (-1, 1)),
        (2 / 255, 0, np.int8, (-1, 1)),
        (1.0, 0, np.uint8, (0, 255)),
        (1 / 32767, 0, np.int16, (0, 1)),
        (0.0, 0, np.uint8, (0, 255)),
        (0.0, 0, np.int8, (-128, 127)),
        (0.0, 0, np.float32, (0, 1)),
        (4.7 / 255, 114, np.uint8, None),  # less a mean, by a deviation
    ],
)
def test_black_and_white_are_what_the_scale_covers(scale, zero_point, dtype, values):
    image = {"dtype": np.dtype(dtype).type, "quantization": (scale, zero_point)}
    assert _usual_range(image) == values


def test_a_scale_that_covers_no_usual_range_is_refused(model, monkeypatch):
    monkeypatch.setattr(tflite_network, "_usual_range", lambda image: None)
    monkeypatch.setattr(tflite_network, "_covered", lambda image: (-2.1, 2.6))
    predict = load_predictor(model)
    said = "image: its scale covers -2.10 to 2.60.*range into tiny.pose.json"
    with pytest.raises(InputError, match=said):
        predict(np.zeros((1, 64, 64, 3)))
    shutil.copy(contract_path(HELD), model.parent)  # says which
    assert load_predictor(model)(np.zeros((1, 64, 64, 3))).scores.shape == (1, 16)
