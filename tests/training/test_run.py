"""Runs of a tiny network on five people: two steps of two people an epoch."""

import csv
import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.errors import GateError, InputError
from fpd_tf.joints import JointSet
from fpd_tf.models.keras_file import joint_set_of_network, load_network, named_network
from fpd_tf.training.run import _check_validation

DATA = fpd.DataConfig(input_size=32, batch_size=2, seed=5)
CONFIG = fpd.TrainConfig(epochs=2, data=DATA)


@pytest.fixture(scope="module")
def train(tiny_network):
    """`fpd.train` of a fresh network of two stacks."""

    def run(people, out, config=CONFIG, **how):
        how = {"network": tiny_network(num_stacks=2), **how}
        return fpd.train(people, out, config, **how)

    return run


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
def finished(people, train, tmp_path_factory):
    """A run of three epochs, scored after the second and the last, and what it saw."""
    out, scored = tmp_path_factory.mktemp("runs") / "new" / "run", []

    def score(network):
        scored.append(network.layers[1].compute_dtype)
        return {"mean": 50.0 + len(scored)}

    config = dataclasses.replace(
        CONFIG, epochs=3, score_every=2, precision="mixed_bfloat16"
    )
    assert train(people, out, config, score=score, command=["fpd"]) == out
    return out, config, scored


def test_a_run_folder_says_everything(finished):
    out, config, scored = finished
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {
        *("config.json", "history.csv", "student.keras", "checkpoints/state.npz"),
        *("checkpoints/before.npz", "curves.png", ".lock"),
    }
    said = json.loads((out / "config.json").read_text())
    assert said["verb"] == "train" and said["samples"] == 5
    assert (said["data"], said["command"]) == ("own people", ["fpd"])
    assert fpd.TrainConfig(**said["config"]) == config
    assert said["config"]["data"]["seed"] == 5
    assert set(said["versions"]) == {"fpd_tf", "keras", "tensorflow", "numpy"}
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
    named = joint_set_of_network(load_network(finished[0] / "student.keras"))
    assert named.joints == fpd.MPII.joints
    state = state_of(finished[0])
    for index, weight in enumerate(network.get_weights()):
        np.testing.assert_array_equal(weight, state[f"variable{index}"])


RUNS = {
    "train, cosine and running average": (
        False,
        dataclasses.replace(
            CONFIG, optimizer="adamw", weight_decay=0.1, schedule="cosine", ema=0.5
        ),
    ),
    "distill, the paper's recipe in half precision": (
        True,
        dataclasses.replace(CONFIG, precision="mixed_bfloat16"),
    ),
    "distill, a teacher that is kept": (
        True,
        dataclasses.replace(
            CONFIG, teacher_cache=True, distillation_distance="cross_entropy"
        ),
    ),
}


@pytest.mark.parametrize("kind", RUNS)
def test_resumed_equals_uninterrupted_bit_for_bit(
    people, teacher, train, tmp_path, kind
):
    taught, config = RUNS[kind]
    how = {"config": config, "teacher": teacher if taught else None}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(people, whole, **how)

    calls = []

    def interrupted(network):
        calls.append(network)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        train(people, broken, score=interrupted, **how)
    assert len(history(broken)) == 1
    train(people, broken, resume=True, **how)

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


def test_a_finished_run_can_be_resumed_to_no_effect(finished, people, train):
    out, config, _ = finished
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    train(people, out, config, resume=True)
    assert before == {path: path.read_bytes() for path in before}


def test_resuming_with_other_settings_teacher_or_people_is_refused(
    finished, people, teacher, train
):
    out, config, _ = finished
    for other, how, said in (
        (people, {"config": dataclasses.replace(config, epochs=4)}, "config.epochs"),
        (people, {"teacher": teacher}, "teacher: .*None.*teacher.keras"),
        (people[:4], {}, "samples: .*5. Received: 4"),
        (people.of(people[::-1]), {}, "people: the boxes or labels have changed"),
    ):
        with pytest.raises(InputError, match=f"config.json: {said}"):
            train(other, out, resume=True, **{"config": config, **how})


def test_resuming_with_a_teacher_trained_further_is_refused(
    people, teacher, train, tiny_network, tmp_path
):
    own = shutil.copy(teacher, tmp_path / "teacher.keras")
    config = dataclasses.replace(CONFIG, epochs=1)
    train(people, tmp_path / "run", config, teacher=own)
    tiny_network(num_stacks=3, seed=8).save(own)
    with pytest.raises(InputError, match="teacher_content: the teacher's file or we"):
        train(people, tmp_path / "run", config, teacher=own, resume=True)


def test_a_folder_that_exists_is_refused(finished, people, train, tmp_path):
    """Before the network is built: none has that name."""
    out, config, _ = finished
    with pytest.raises(InputError, match=f"{out}: it exists already"):
        fpd.train(people, out, dataclasses.replace(config, preset="none"))
    with pytest.raises(InputError, match="config.json: .* no run to resume"):
        train(people, tmp_path / "none", config, resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("damage", ["cut", "emptied", "other arrays"])
def test_a_damaged_state_is_refused(finished, people, train, tmp_path, damage):
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
        train(people, copy, config, resume=True)


def test_a_loss_that_is_not_finite_stops_the_run(people, train, tmp_path):
    config = dataclasses.replace(CONFIG, learning_rate=1e30)
    said = r"loss is (nan|inf) at step 2 of epoch 1\. Try a lower learning_rate"
    with pytest.raises(GateError, match=said):  # no epoch before it is kept
        train(people, tmp_path / "run", config)
    assert not (tmp_path / "run" / "student.keras").exists()


def test_weights_that_are_not_finite_are_not_saved(people, train, tmp_path):
    config = dataclasses.replace(
        CONFIG, learning_rate=1e38, data=dataclasses.replace(DATA, batch_size=5)
    )  # one step an epoch: its loss is still that of the first weights
    with pytest.raises(GateError, match="weight is not finite at the end of epoch 1"):
        train(people, tmp_path / "run", config)
    assert not (tmp_path / "run" / "student.keras").exists()


def test_a_student_starts_from_a_trained_one(finished, people, train, tmp_path):
    trained = finished[0] / "student.keras"
    config = dataclasses.replace(
        CONFIG, start_from=trained, epochs=1, learning_rate=1e-12
    )
    train(people, tmp_path / "run", config)
    first, last = map(
        keras.models.load_model, (trained, tmp_path / "run" / "student.keras")
    )
    for one, other in zip(
        first.trainable_variables, last.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-9)


def test_a_teacher_that_does_not_suit_is_refused(people, tiny_network, train, tmp_path):
    lsp = tmp_path / "lsp.keras"
    tiny_network(num_joints=14).save(lsp)
    with pytest.raises(InputError, match=f"{lsp}: heatmaps: .*8, 8, 16.*8, 8, 14"):
        train(people, tmp_path / "run", teacher=lsp)
    other = JointSet("other", people.joint_set.joints[::-1])
    with pytest.raises(InputError, match="^tiny: joints: .*student's, .* by name"):
        train(people, tmp_path / "run", teacher=named_network(tiny_network(), other))
    with pytest.raises(InputError, match="nowhere.keras: .*no such file"):
        train(people, tmp_path / "run", teacher=tmp_path / "nowhere.keras")
    with pytest.raises(InputError, match="teacher: expected a trained network"):
        fpd.distill(people, tmp_path / "run", None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "network, message",
    [
        ({"num_joints": 14}, "^tiny: joints: expected 16, as in the data.*: 14"),
        ({"input_size": 64}, "^tiny: input size: expected 32, as in the data.*: 64"),
        ({"input_size": None}, r"^tiny: shapes: .*\(None, None, None, 3\)"),
    ],
)
def test_a_network_of_ones_own_must_suit_the_data(
    people, tiny_network, train, tmp_path, network, message
):
    with pytest.raises(InputError, match=message):
        train(people, tmp_path / "run", network=tiny_network(**network))
    config = dataclasses.replace(CONFIG, model={"depth": 3})
    with pytest.raises(InputError, match="config: model: must be empty where you give"):
        train(people, tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


def test_a_network_of_ones_own_of_other_joints_is_refused(
    people, tiny_network, train, tmp_path
):
    """Its heatmaps would be given the names of the data's joints."""
    other = dataclasses.replace(fpd.MPII, joints=fpd.MPII.joints[::-1], groups={})
    with pytest.raises(InputError, match="^tiny: joints: expected right_a.*: left_w"):
        train(people, tmp_path / "run", network=named_network(tiny_network(), other))


def test_a_network_whose_file_could_not_be_loaded_is_refused_first(
    people, train, tmp_path
):
    class Own(keras.layers.Layer):
        def call(self, x):
            return x

    images = keras.Input((32, 32, 3))
    heatmaps = keras.layers.Conv2D(16, 4, strides=4)(images)
    own = keras.Model(images, Own()(heatmaps), name="own")
    with pytest.raises(InputError, match="^own: its file could not be loaded again"):
        train(people, tmp_path / "run", network=own)
    assert not (tmp_path / "run").exists()


def test_a_stride_other_than_the_datas_is_refused(people, train, tmp_path):
    images = keras.Input((32, 32, 3))
    fine = keras.Model(images, keras.layers.Conv2D(16, 2, strides=2)(images), name="n")
    with pytest.raises(InputError, match="^n: heatmap size: expected 8, .*: 16"):
        train(people, tmp_path / "run", network=fine)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"data": dataclasses.replace(DATA, batch_size=6)}, "one batch of 6.*: 5"),
        ({"preset": "hourglass"}, "^preset: .*Received: hourglass"),
        ({"model": {"alpha": 1}}, "^hourglass_4x128: argument: .*Received: alpha"),
        ({"keep_best": True}, "^config: keep_best: needs validation people"),
        ({"patience": 3}, "^config: patience: needs validation people"),
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


def test_people_without_labels_are_taught_by_the_teacher(
    people, teacher, tiny_network, tmp_path
):
    unknown = people.of(
        dataclasses.replace(person, annotated=np.zeros(16, bool)) for person in people
    )
    config = dataclasses.replace(CONFIG, epochs=1)
    out, network = tmp_path / "run", tiny_network()
    (row,) = history(fpd.distill(unknown, out, teacher, config, network=network))
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
    own_people, train, tmp_path, spoil
):
    config = dataclasses.replace(CONFIG, epochs=20)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(own_people, whole, config)
    photograph = own_people[3].image_path
    good = photograph.read_bytes()

    with pytest.raises(InputError, match=f"^{photograph}: expected a whole photograph"):
        score = once(lambda: spoil(photograph))
        train(own_people, broken, config, score=score)
    assert 1 <= len(history(broken)) < 20
    photograph.write_bytes(good)
    train(own_people, broken, config, resume=True)
    assert without_seconds(history(broken)) == without_seconds(history(whole))
    one, other = state_of(whole), state_of(broken)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_a_broken_photograph_is_named_when_the_teacher_looks(
    own_people, teacher, train, tmp_path
):
    config = dataclasses.replace(CONFIG, teacher_cache=True)
    photograph = own_people[1].image_path
    cut(photograph)
    with pytest.raises(InputError, match=f"^{photograph}: expected a whole photograph"):
        train(own_people, tmp_path / "run", config, teacher=teacher)


def test_cached_heatmaps_that_break_are_named_and_made_again(
    own_people, teacher, train, tmp_path
):
    config = dataclasses.replace(CONFIG, epochs=20, teacher_cache=True)
    out = tmp_path / "run"

    def spoil():
        cut(next(tmp_path.glob("teacher-cache/*/000000.png")))

    with pytest.raises(InputError, match="000000.png: expected a whole") as refusal:
        train(own_people, out, config, teacher=teacher, score=once(spoil))
    refusal.value.source.unlink()
    train(own_people, out, config, teacher=teacher, resume=True)
    assert len(history(out)) == 20


def test_an_error_that_is_no_files_fault_is_not_hidden(
    people, train, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    monkeypatch.setattr(keras.Model, "fit", fail)
    with pytest.raises(tf.errors.ResourceExhaustedError, match="out of memory"):
        train(people, tmp_path / "run")


def test_validation_people_score_every_run(people, train, tmp_path):
    config = dataclasses.replace(CONFIG, keep_best=True)
    out = train(people, tmp_path / "run", config, validation=people[3:])
    rows = history(out)
    assert all(0 <= float(row["val_mean"]) <= 100 and row["val_auc"] for row in rows)
    scores = json.loads((out / "scores.json").read_text())
    best = max(float(row["val_mean"]) for row in rows)
    assert scores["metric"] == "PCKh@0.5" and scores["mean"] == pytest.approx(best)
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("labelled", [True, False])
def test_photographs_that_are_trained_and_validated_on_are_counted(
    people, caplog, labelled
):
    _check_validation(people[3:], people[:2], people[2:3])
    assert not caplog.records
    shared = people[:2], people[2:4]
    _check_validation(people[2:], *(reversed(shared) if labelled else shared))
    (record,) = caplog.records
    first = min(people[2].photograph, people[3].photograph)
    said = f"2 of the photographs to validate on, such as {first}, are trained on too"
    assert record.getMessage().startswith(said)


def test_validation_people_must_have_the_same_joints(people, train, tmp_path):
    others = fpd.People([], fpd.LSP)
    with pytest.raises(InputError, match="validation: joints: .*right_ankle"):
        train(people, tmp_path / "run", validation=others)
    assert not (tmp_path / "run").exists()


def test_callbacks_see_the_scores_and_may_end_a_run(people, train, tmp_path):
    config, falling = dataclasses.replace(CONFIG, epochs=9), iter(range(9, 0, -1))
    stop = keras.callbacks.EarlyStopping("val_mean", mode="max", patience=2)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    out = train(
        people,
        tmp_path / "run",
        config,
        score=lambda network: {"mean": next(falling)},
        callbacks=[stop, log],
    )
    assert [row["val_mean"] for row in history(out)] == ["9.0", "8.0", "7.0"]
    with (tmp_path / "log.csv").open() as file:
        assert [row["val_mean"] for row in csv.DictReader(file)] == [
            "9.0",
            "8.0",
            "7.0",
        ]


def test_patience_ends_a_run_which_then_is_finished(people, train, tmp_path):
    config = dataclasses.replace(CONFIG, epochs=9, patience=2)
    falling = iter(range(9, 0, -1))
    how = {"score": lambda network: {"mean": next(falling)}}
    out = train(people, tmp_path / "run", config, **how)
    before = (out / "history.csv").read_text()
    assert len(history(out)) == 3
    train(people, out, config, resume=True, **how)
    assert (out / "history.csv").read_text() == before
