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
from fpd_tf.predictors.load import load_predictor

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
