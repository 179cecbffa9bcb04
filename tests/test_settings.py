"""What Python callers hear of values that do not fit."""

import dataclasses
import pickle

import pytest

import fpd_tf as fpd
from fpd_tf.contract.rules import Crop, Search
from fpd_tf.data.repair import LabelConfig
from fpd_tf.errors import InputError
from fpd_tf.settings import with_settings

WRONG = {
    "range": (lambda: fpd.DataConfig(flip=2), "DataConfig: flip: expected less than"),
    "unknown": (
        lambda: fpd.DataConfig(sigmas=2),
        "DataConfig: sigmas: expected a field of DataConfig. Received: 2",
    ),
    "inner": (
        lambda: fpd.TrainConfig(data={"sigma": 0}),
        "TrainConfig: data.sigma: expected greater than 0. Received: 0",
    ),
    "together": (
        lambda: fpd.TrainConfig(weight_decay=1.0),
        "TrainConfig: expected optimizer=adamw where there is weight_decay$",
    ),
    "replaced": (
        lambda: dataclasses.replace(fpd.TrainConfig(), epochs=0),
        "TrainConfig: epochs: expected greater than 0. Received: 0",
    ),
    "labels": (lambda: LabelConfig("perhaps"), "LabelConfig: 0: expected a valid bool"),
    "endless": (lambda: Search(sides=(float("inf"),)), "Search: .*a finite number"),
    "missing": (lambda: Crop(hips=(1,)), "Crop: shoulders: expected a value"),
}


@pytest.mark.parametrize("make, said", WRONG.values(), ids=WRONG)
def test_values_that_do_not_fit_are_refused_in_one_line(make, said):
    with pytest.raises(InputError, match=f"^{said}") as error:
        make()
    assert "\n" not in str(error.value) and error.value.__cause__ is None


def test_settings_are_fixed_and_travel_between_processes():
    config = fpd.TrainConfig(epochs=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.epochs = 4
    assert pickle.loads(pickle.dumps(config)) == config != fpd.TrainConfig(epochs=4)


def test_a_change_keeps_the_rest():
    config = with_settings(fpd.TrainConfig(epochs=3), ["data.sigma=1.5"], "the run")
    assert (config.epochs, config.data) == (3, fpd.DataConfig(sigma=1.5))
