"""Runs of a tiny preset on five people: two steps of two people an epoch."""

import csv
import dataclasses
import fcntl
import json
import shutil
from types import MappingProxyType

import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.errors import GateError, InputError
from fpd_tf.models import presets
from fpd_tf.models.presets import Preset

DATA = fpd.DataConfig(input_size=32, batch_size=2, seed=5)
CONFIG = fpd.TrainConfig(preset="tiny", epochs=2, data=DATA)


@pytest.fixture(autouse=True)
def tiny_preset(monkeypatch, tiny_network):
    tiny = Preset(tiny_network, {"num_stacks": 2}, 0, 0.0, "two convolutions")
    known = MappingProxyType({"tiny": tiny, **presets.PRESETS})
    monkeypatch.setattr(presets, "PRESETS", known)


@pytest.fixture(scope="module")
def teacher(tiny_network, tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    tiny_network(num_stacks=3, seed=9).save(path)
    return path


def history(folder):
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def without_seconds(rows):
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def state_of(folder):
    with np.load(folder / "checkpoints" / "state.npz") as state:
        return {name: state[name] for name in state if name != "history"}


@pytest.fixture(scope="module")
def finished(people, tiny_network, tmp_path_factory):
    """A run of three epochs, scored after the second and the last, and what it saw."""
    out, scored = tmp_path_factory.mktemp("runs") / "new" / "run", []

    def score(network):
        scored.append(network.layers[1].compute_dtype)
        return {"mean": 50.0 + len(scored)}

    with pytest.MonkeyPatch.context() as patch:
        tiny = Preset(tiny_network, {"num_stacks": 2}, 0, 0.0, "two convolutions")
        patch.setattr(presets, "PRESETS", {"tiny": tiny})
        config = dataclasses.replace(
            CONFIG, epochs=3, score_every=2, precision="mixed_bfloat16"
        )
        assert fpd.train(people, out, config, score=score) == out
    return out, config, scored


def test_a_run_folder_says_everything(finished):
    out, config, scored = finished
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {
        *("config.json", "history.csv", "student.keras", "checkpoints/state.npz"),
        *("checkpoints/before.npz", ".lock"),
    }
    said = json.loads((out / "config.json").read_text())
    assert said["verb"] == "train" and said["samples"] == 5
    assert fpd.TrainConfig(**said["config"]) == config
    assert said["config"]["data"]["seed"] == 5
    assert set(said["versions"]) == {"fpd_tf", "keras", "tensorflow", "numpy"}
    assert said["command"]
    rows = history(out)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["val_mean"] for row in rows] == ["", "51.0", "52.0"]
    assert scored == ["float32", "float32"]
    assert all(float(row["learning_rate"]) == pytest.approx(2.5e-4) for row in rows)
    assert all(float(row["loss"]) > 0 for row in rows)


def test_the_saved_network_is_plain_float32_keras(finished):
    network = keras.models.load_model(finished[0] / "student.keras")
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert not network.compiled
    state = state_of(finished[0])
    for index, weight in enumerate(network.get_weights()):
        np.testing.assert_array_equal(weight, state[f"variable{index}"])


RUNS = {
    "train, cosine and running average": (
        fpd.train,
        dataclasses.replace(
            CONFIG, optimizer="adamw", weight_decay=0.1, schedule="cosine", ema=0.5
        ),
    ),
    "distill, the paper's recipe in half precision": (
        fpd.distill,
        dataclasses.replace(CONFIG, precision="mixed_bfloat16"),
    ),
}


@pytest.mark.parametrize("kind", RUNS)
def test_resumed_equals_uninterrupted_bit_for_bit(people, teacher, tmp_path, kind):
    verb, config = RUNS[kind]
    inputs = (teacher,) if verb is fpd.distill else ()
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    verb(people, whole, *inputs, config=config)

    calls = []

    def interrupted(network):
        calls.append(network)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        verb(people, broken, *inputs, config=config, score=interrupted)
    assert len(history(broken)) == 1
    verb(people, broken, *inputs, config=config, resume=True)

    assert without_seconds(history(broken)) == without_seconds(history(whole))
    one, other = state_of(whole), state_of(broken)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    networks = [keras.models.load_model(f / "student.keras") for f in (whole, broken)]
    for left, right in zip(*(n.get_weights() for n in networks), strict=True):
        np.testing.assert_array_equal(left, right)
    trained = [one[f"variable{i}"] for i in range(len(networks[0].weights))]
    averaged = [
        not np.array_equal(saved, live)
        for saved, live in zip(networks[0].get_weights(), trained, strict=True)
    ]
    assert any(averaged) == bool(config.ema)


def test_a_finished_run_can_be_resumed_to_no_effect(finished, people):
    out, config, _ = finished
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    fpd.train(people, out, config, resume=True)
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize(
    "change, field",
    [
        ({"epochs": 4}, r"config\.epochs"),
        ({"data": dataclasses.replace(DATA, seed=6)}, r"config\.data\.seed"),
        ({"model": {"num_stacks": 1}}, r"config\.model\.num_stacks"),
        ({"optimizer": "adam"}, r"config\.optimizer"),
    ],
)
def test_resuming_with_other_settings_is_refused(finished, people, change, field):
    out, config, _ = finished
    config = dataclasses.replace(config, **change)
    with pytest.raises(InputError, match=rf"config\.json: {field}: expected the run's"):
        fpd.train(people, out, config, resume=True)


def test_resuming_another_verb_other_people_or_teacher_is_refused(
    finished, people, teacher, tiny_network, tmp_path
):
    out, config, _ = finished
    with pytest.raises(InputError, match="config.json: verb: .*'train'.*distill"):
        fpd.distill(people, out, teacher, config, resume=True)
    with pytest.raises(InputError, match="config.json: samples: .*5. Received: 4"):
        fpd.train(people[:4], out, config, resume=True)
    other = tmp_path / "run"
    fpd.distill(people, other, teacher, dataclasses.replace(CONFIG, epochs=1))
    with pytest.raises(InputError, match="config.json: teacher: .*teacher.keras.*tiny"):
        config = dataclasses.replace(CONFIG, epochs=1)
        fpd.distill(people, other, tiny_network(), config, resume=True)


def test_a_folder_that_exists_or_is_in_use_is_refused(finished, people, tmp_path):
    out, config, _ = finished
    with pytest.raises(InputError, match=f"{out}: expected a new folder"):
        fpd.train(people, out, config)
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match=f"{out}: .*another run's"):
            fpd.train(people, out, config, resume=True)
    with pytest.raises(InputError, match="config.json: expected a run to resume"):
        fpd.train(people, tmp_path / "none", config, resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("damage", ["cut", "emptied", "other arrays"])
def test_a_damaged_state_is_refused(finished, people, tmp_path, damage):
    out, config, _ = finished
    copy = tmp_path / "run"
    (copy / "checkpoints").mkdir(parents=True)
    (copy / "config.json").write_bytes((out / "config.json").read_bytes())
    state = copy / "checkpoints" / "state.npz"
    whole = (out / "checkpoints" / "state.npz").read_bytes()
    if damage == "other arrays":
        arrays = {name: np.zeros(3) for name in state_of(out)}
        np.savez(state, history="[]", **arrays)
    else:
        state.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    with pytest.raises(InputError, match=f"{state}: expected a whole checkpoint"):
        fpd.train(people, copy, config, resume=True)


def test_a_config_of_another_kind_is_refused(people, tmp_path):
    for text in ("{", "[]", '{"verb": "train"}', '{"config": 3}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(InputError, match="config.json: expected the config.json"):
            fpd.train(people, tmp_path, CONFIG, resume=True)


def test_a_loss_that_is_not_finite_stops_the_run(people, tmp_path):
    config = dataclasses.replace(CONFIG, learning_rate=1e30)
    with pytest.raises(
        GateError, match=r"loss is (nan|inf) at step 2 of epoch 1; .*run"
    ):
        fpd.train(people, tmp_path / "run", config)
    assert not (tmp_path / "run" / "student.keras").exists()


def test_weights_that_are_not_finite_are_not_saved(people, tmp_path):
    config = dataclasses.replace(
        CONFIG, learning_rate=1e38, data=dataclasses.replace(DATA, batch_size=5)
    )  # one step an epoch: its loss is still that of the first weights
    with pytest.raises(GateError, match="weight is not finite at the end of epoch 1"):
        fpd.train(people, tmp_path / "run", config)
    assert not (tmp_path / "run" / "student.keras").exists()


def test_a_student_starts_from_a_trained_one(finished, people, tiny_network, tmp_path):
    trained = finished[0] / "student.keras"
    config = dataclasses.replace(
        CONFIG, start_from=trained, epochs=1, learning_rate=1e-12
    )
    fpd.train(people, tmp_path / "run", config)
    first, last = map(
        keras.models.load_model, (trained, tmp_path / "run" / "student.keras")
    )
    for one, other in zip(
        first.trainable_variables, last.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-9)
    one_stack = tmp_path / "one_stack.keras"
    tiny_network().save(one_stack)
    config = dataclasses.replace(config, start_from=one_stack)
    with pytest.raises(InputError, match=f"{one_stack}: expected the weights of tiny"):
        fpd.train(people, tmp_path / "other", config)


def test_a_teacher_that_does_not_suit_is_refused(people, tiny_network, tmp_path):
    lsp = tmp_path / "lsp.keras"
    tiny_network(num_joints=14).save(lsp)
    with pytest.raises(InputError, match=f"{lsp}: heatmaps: .*8, 8, 16.*8, 8, 14"):
        fpd.distill(people, tmp_path / "run", lsp, CONFIG)
    with pytest.raises(InputError, match="nowhere.keras: .*no such file"):
        fpd.distill(people, tmp_path / "run", tmp_path / "nowhere.keras", CONFIG)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"data": dataclasses.replace(DATA, batch_size=6)}, "one batch of 6.*: 5"),
        ({"preset": "hourglass"}, "^preset: .*Received: hourglass"),
        ({"model": {"alpha": 1}}, "^tiny: argument: .*Received: alpha"),
        ({"model": {"num_joints": 3}}, r"^config\.model: num_joints: .*16.*: 3"),
    ],
)
def test_settings_that_do_not_fit_are_refused(people, tmp_path, change, message):
    config = dataclasses.replace(CONFIG, **change)
    with pytest.raises(InputError, match=message):
        fpd.train(people, tmp_path / "run", config)
    with pytest.raises(InputError):
        fpd.train([], tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


def test_people_without_labels_are_taught_by_the_teacher(people, teacher, tmp_path):
    unknown = people.of(
        dataclasses.replace(person, annotated=np.zeros(16, bool)) for person in people
    )
    config = dataclasses.replace(CONFIG, epochs=1)
    (row,) = history(fpd.distill(unknown, tmp_path / "run", teacher, config))
    assert float(row["student_loss"]) == 0 and float(row["distillation_loss"]) > 0
    said = json.loads((tmp_path / "run" / "config.json").read_text())
    assert said["verb"] == "distill" and said["teacher"] == str(teacher)


@pytest.fixture
def own_people(people, tmp_path):
    """The five people with photographs that a test may spoil."""
    folder = tmp_path / "photos"
    shutil.copytree(people[0].image_path.parent, folder)
    return people.of(
        dataclasses.replace(person, image_path=folder / person.image_path.name)
        for person in people
    )


def cut(path):
    path.write_bytes(path.read_bytes()[:300])


def once(action):
    """A score that does something the first time."""
    done = []

    def score(network):
        if not done:
            done.append(action())
        return {}

    return score


@pytest.mark.parametrize("spoil", [cut, lambda path: path.unlink()])
def test_a_photograph_that_breaks_is_named_and_the_run_goes_on(
    own_people, tmp_path, spoil
):
    config = dataclasses.replace(CONFIG, epochs=20)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fpd.train(own_people, whole, config)
    photograph = own_people[3].image_path
    good = photograph.read_bytes()

    with pytest.raises(InputError, match=f"^{photograph}: expected a whole photograph"):
        score = once(lambda: spoil(photograph))
        fpd.train(own_people, broken, config, score=score)
    assert 1 <= len(history(broken)) < 20
    photograph.write_bytes(good)
    fpd.train(own_people, broken, config, resume=True)
    assert without_seconds(history(broken)) == without_seconds(history(whole))
    one, other = state_of(whole), state_of(broken)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_a_broken_photograph_is_named_when_the_teacher_looks(
    own_people, teacher, tmp_path
):
    config = dataclasses.replace(CONFIG, teacher_cache=True)
    photograph = own_people[1].image_path
    cut(photograph)
    with pytest.raises(InputError, match=f"^{photograph}: expected a whole photograph"):
        fpd.distill(own_people, tmp_path / "run", teacher, config)


def test_cached_heatmaps_that_break_are_named_and_made_again(
    own_people, teacher, tmp_path
):
    config = dataclasses.replace(CONFIG, epochs=20, teacher_cache=True)
    out = tmp_path / "run"

    def spoil():
        cut(next(tmp_path.glob("teacher-cache/*/000000.png")))

    with pytest.raises(InputError, match="000000.png: expected a whole") as refusal:
        fpd.distill(own_people, out, teacher, config, score=once(spoil))
    refusal.value.source.unlink()
    fpd.distill(own_people, out, teacher, config, resume=True)
    assert len(history(out)) == 20


def test_an_error_that_is_no_files_fault_is_not_hidden(people, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    monkeypatch.setattr(keras.Model, "fit", fail)
    with pytest.raises(tf.errors.ResourceExhaustedError, match="out of memory"):
        fpd.train(people, tmp_path / "run", CONFIG)
