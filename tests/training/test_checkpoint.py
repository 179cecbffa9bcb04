"""Checkpoints of a network of nine weights, written and taken up again."""

import dataclasses
import json
import logging
import os

import keras
import numpy as np
import pytest

from fpd_tf.data.people import People
from fpd_tf.errors import GateError, InputError
from fpd_tf.joints import MPII
from fpd_tf.training.checkpoint import (
    BEFORE,
    STATE,
    RunCheckpoint,
    RunState,
    describe_run,
    restore,
)
from fpd_tf.training.recipes import TrainConfig

NOBODY = People([], MPII)
DESCRIPTION = describe_run("train", None, TrainConfig(), NOBODY)


def compiled():
    network = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)])
    network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    return network


def run(out, network, losses, state=None):
    """Epochs that end with these losses and add one to every weight."""
    state = state or RunState(0, [])
    callback = RunCheckpoint(out, state, network, network, None, 1)
    callback.set_model(network)
    callback.set_params({"epochs": 99})
    for epoch, loss in enumerate(losses, start=state.epoch):
        network.set_weights([weight + 1 for weight in network.get_weights()])
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": loss})


@pytest.fixture
def folder(tmp_path):
    """A run of three epochs; the biases are the epochs done."""
    network = compiled()
    restore(tmp_path, DESCRIPTION, network, network.optimizer, resume=False)
    run(tmp_path, network, [3.0, 2.0, 1.0])
    return tmp_path


def resumed(folder):
    """Epochs done and the bias of what comes back."""
    network = compiled()
    state = restore(folder, DESCRIPTION, network, network.optimizer, resume=True)
    return state.epoch, float(network.get_weights()[1][0])


def change_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


DAMAGE = {
    "a bit": change_a_bit,
    "cut": cut,
    "emptied": lambda path: os.truncate(path, 0),
}


def test_the_last_epoch_and_the_one_before_are_kept(folder):
    assert resumed(folder) == (3, 3.0)
    (folder / STATE).unlink()
    assert resumed(folder) == (2, 2.0)
    (folder / BEFORE).unlink()
    assert resumed(folder) == (0, 0.0)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(folder, caplog, damage):
    DAMAGE[damage](folder / STATE)
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        assert resumed(folder) == (2, 2.0)
    (record,) = caplog.records
    said = record.getMessage()
    assert said.startswith(f"{folder / STATE}: expected a whole checkpoint")
    assert said.endswith("going on from the epoch before")


def test_no_bit_of_a_checkpoint_changes_unnoticed(folder):
    whole = (folder / STATE).read_bytes()
    (folder / BEFORE).unlink()
    with np.load(folder / STATE) as saved:
        arrays = [saved[name].tobytes() for name in saved if saved[name].nbytes > 8]
    for array in arrays:
        content = bytearray(whole)
        content[content.index(array)] ^= 1
        (folder / STATE).write_bytes(content)
        with pytest.raises(InputError, match="Bad CRC-32"):
            resumed(folder)


def test_two_damaged_checkpoints_are_refused(folder):
    cut(folder / STATE)
    cut(folder / BEFORE)
    with pytest.raises(InputError, match="before.npz: expected a whole checkpoint"):
        resumed(folder)


def test_what_a_killed_run_left_aside_is_taken_away(folder):
    left = [folder / "partial-1-student.keras", folder / "checkpoints/partial-1-a.npz"]
    for path in left:
        path.write_text("half")
    resumed(folder)
    assert not any(path.exists() for path in left)


def test_killed_between_two_names_a_run_goes_on_from_the_epoch_before(
    folder, monkeypatch
):
    network, replace = compiled(), os.replace
    state = restore(folder, DESCRIPTION, network, network.optimizer, resume=True)

    def killed(source, target):
        replace(source, target)
        if target == folder / BEFORE:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run(folder, network, [0.5], state)
    assert not (folder / STATE).exists() and resumed(folder) == (3, 3.0)


def test_killed_before_its_settings_were_written_a_run_starts(tmp_path):
    assert resumed(tmp_path) == (0, 0.0)
    assert json.loads((tmp_path / "config.json").read_text())["verb"] == "train"


@pytest.mark.parametrize(
    ("losses", "kept"), [([1.0, 99.0], 2), ([1.0, 101.0], 1), ([2.0, 1.0, 150.0], 2)]
)
def test_a_loss_that_grows_a_hundredfold_stops_the_run(tmp_path, losses, kept):
    network = compiled()
    restore(tmp_path, DESCRIPTION, network, network.optimizer, resume=False)
    if kept == len(losses):
        run(tmp_path, network, losses)
    else:
        said = f"grown from 1 to {losses[-1]:.0f} at the end of epoch {len(losses)}; "
        with pytest.raises(GateError, match=f"{said}.*keeps the epoch.*learning_rate"):
            run(tmp_path, network, losses)
    assert resumed(tmp_path) == (kept, kept)


def test_settings_nested_too_deep_are_refused(folder):
    (folder / "config.json").write_text("[" * 10**6)
    with pytest.raises(InputError, match="config.json: expected the config.json"):
        resumed(folder)


def test_another_run_is_refused(folder):
    config = dataclasses.replace(TrainConfig(), epochs=7)
    network = compiled()
    with pytest.raises(InputError, match="config.epochs: expected the run's own"):
        other = describe_run("train", None, config, NOBODY)
        restore(folder, other, network, network.optimizer, resume=True)
