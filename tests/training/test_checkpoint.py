"""Checkpoints of a network of nine weights, written and taken up again."""

import logging
import math
import os

import keras
import numpy as np
import pytest

from fpd_tf.errors import GateError, InputError
from fpd_tf.training.checkpoint import (
    BEFORE,
    STATE,
    RunCheckpoint,
    RunState,
    best_epoch,
    has_waited,
    restore,
)
from fpd_tf.training.recipes import TrainConfig


def compiled():
    network = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)])
    network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    return network


def run(out, network, losses, state=None):
    """Epochs that end with these losses and add one to every weight."""
    state = state or RunState()
    callback = RunCheckpoint(out, state, network, network)
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
    run(tmp_path, network, [3.0, 2.0, 1.0])
    return tmp_path


def resumed(folder):
    """Epochs done and the bias of what comes back."""
    network = compiled()
    state = restore(folder, network, network.optimizer)
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
    assert said.endswith("continuing from the epoch before")


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
    state = restore(folder, network, network.optimizer)

    def killed(source, target):
        replace(source, target)
        if target == folder / BEFORE:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run(folder, network, [0.5], state)
    assert not (folder / STATE).exists() and resumed(folder) == (3, 3.0)


@pytest.mark.parametrize(
    ("losses", "kept"), [([1.0, 99.0], 2), ([1.0, 101.0], 1), ([2.0, 1.0, 150.0], 2)]
)
def test_a_loss_that_grows_a_hundredfold_stops_the_run(tmp_path, losses, kept):
    network = compiled()
    if kept == len(losses):
        run(tmp_path, network, losses)
    else:
        said = f"grown from 1 to {losses[-1]:.0f} at the end of epoch {len(losses)}; "
        with pytest.raises(GateError, match=f"{said}.*keeps the epoch.*learning_rate"):
            run(tmp_path, network, losses)
    assert resumed(tmp_path) == (kept, kept)


def trained(out, means, **settings):
    """Epochs with these scores (None: not due); those done, and the bias saved."""
    network, scores = compiled(), iter(means)
    config = TrainConfig(epochs=99, **settings)
    state = restore(out, network, network.optimizer)

    def score(_):
        found = next(scores)
        return found if isinstance(found, dict) else {"mean": found}

    callback = RunCheckpoint(out, state, network, network, score, config)
    callback.set_model(network)
    callback.set_params({"epochs": 99})
    network.stop_training = False
    while state.epoch < len(means) * config.score_every and not network.stop_training:
        network.set_weights([weight + 1 for weight in network.get_weights()])
        callback.on_epoch_begin(state.epoch)
        callback.on_epoch_end(state.epoch, {"loss": 1.0})
    saved = keras.models.load_model(out / "student.keras")
    return state.epoch, float(saved.get_weights()[1][0])


@pytest.mark.parametrize(
    "means, settings, expected",
    [
        ([1, 3, 2, 3], {}, (4, 4)),
        ([1, 3, 2, 3], {"keep_best": True}, (4, 2)),
        ([1, 3, 2], {"keep_best": True, "score_every": 2}, (6, 4)),
        ([5, 3, 4, 9], {"patience": 2}, (3, 3)),
        ([5, 3, 6, 4, 5, 9], {"patience": 2, "keep_best": True}, (5, 3)),
        ([5, 3, 6], {"patience": 2, "score_every": 2}, (4, 4)),
        ([math.nan, 3, 2], {"keep_best": True}, (3, 2)),
        ([math.nan, 3, 5], {"patience": 1}, (3, 3)),
    ],
)
def test_the_best_epoch_is_kept_and_the_run_ends_where_asked(
    tmp_path, means, settings, expected
):
    assert trained(tmp_path, means, **settings) == expected


@pytest.mark.parametrize("settings", [{"keep_best": True}, {"patience": 3}])
def test_scores_without_a_mean_are_refused_where_it_decides(tmp_path, settings):
    with pytest.raises(InputError, match="score: .*the mean.*keep_best.*val_loss"):
        trained(tmp_path, [{"loss": 1.0}], **settings)
    done = restore(tmp_path, compiled(), compiled().optimizer)
    assert done.epoch == 1  # what was trained is not lost


@pytest.mark.parametrize("result", [61.5, None, {"mean": "high"}, {"mean": [1.0]}])
def test_a_score_is_names_and_numbers(tmp_path, result):
    network = compiled()
    callback = RunCheckpoint(tmp_path, RunState(), network, network, lambda _: result)
    callback.set_model(network)
    callback.set_params({"epochs": 9})
    callback.on_epoch_begin(0)
    with pytest.raises(InputError, match="score: result: expected names and numbers"):
        callback.on_epoch_end(0, {"loss": 1.0})


@pytest.mark.parametrize("steps", [1, 2])
def test_an_epochs_rate_is_that_of_its_last_step(tmp_path, steps):
    rates = keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.5])
    network = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(rates), "mse", jit_compile=False)
    state = RunState()
    callback = RunCheckpoint(tmp_path, state, network, network)
    data = np.zeros((steps, 2)), np.zeros((steps, 1))
    network.fit(*data, batch_size=1, verbose=0, callbacks=[callback])
    assert state.history[0]["learning_rate"] == (1.0 if steps == 1 else 0.5)


def test_a_run_that_goes_on_remembers_its_best_epoch(tmp_path):
    assert trained(tmp_path, [1, 3], keep_best=True, patience=2) == (2, 2)
    network = compiled()
    state = restore(tmp_path, network, network.optimizer)
    assert best_epoch(state.history) == 2
    assert not has_waited(state.history, 2)
    run(tmp_path, network, [1.0, 1.0], state)
    history = restore(tmp_path, network, network.optimizer).history
    assert has_waited(history, 2) and not has_waited(history, None)
    assert best_epoch(history) == 2 and best_epoch([]) == 0
