"""Runs on several devices, in processes of their own.

TensorFlow splits its CPU, and joins machines, only where it has not begun. This file is
also the program that those processes run: its words are a kind of RUNS, the folder of
people, the run folder, a teacher and the devices; "resume" after them. Two machines
where the first word is "machines". 20 drawn people make five steps of four an epoch,
three epochs a run.
"""

import csv
import dataclasses
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.precision import with_precision
from fpd_tf.training.devices import (
    Devices,
    Machine,
    devices_of,
    strategy_of,
    this_machine,
)

DATA = fpd.DataConfig(input_size=32, batch_size=4, sigma=1.0)
ADAM = fpd.TrainConfig(epochs=3, learning_rate=0.01, optimizer="adam", data=DATA)
RUNS = {
    "plain": dataclasses.replace(
        ADAM, optimizer="adamw", weight_decay=0.1, schedule="cosine", ema=0.5
    ),
    "teacher": ADAM,
    "cache": dataclasses.replace(ADAM, teacher_cache=True),
}
MACHINES = {"worker": ["127.0.0.1:20001", "127.0.0.1:20002"]}


def network(*, num_stacks=2, seed=0):
    """A network with no bias before its normalisation.

    Such a bias has a gradient of rounding errors alone, which Adam makes as large as
    any other: no two orders of summing agree on it.
    """
    layers = keras.layers
    images = layers.Input((32, 32, 3), name="image")
    start = keras.initializers.GlorotUniform(seed)
    x = layers.Conv2D(
        6, 4, strides=4, use_bias=False, kernel_initializer=start, name="conv"
    )(images)
    x = layers.BatchNormalization(momentum=0.9, name="bn")(x)
    x = layers.ReLU(name="relu")(x)
    heatmaps = []
    for stack in range(num_stacks):
        start = keras.initializers.GlorotUniform(seed + stack)
        y = layers.Conv2D(16, 1, kernel_initializer=start, name=f"{stack}")(x)
        y = layers.Activation("linear", dtype="float32", name=f"{stack}_heatmaps")(y)
        heatmaps.append(y)
    return keras.Model(images, heatmaps, name="tiny")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return fpd.synthesize(tmp_path_factory.mktemp("data") / "people", count=20)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    network(num_stacks=3, seed=9).save(path)
    return path


@pytest.fixture
def words(people, teacher):
    """The words of this program for one of RUNS."""

    def of(kind, out, devices=1, *more):
        return [kind, str(people), str(out), str(teacher), str(devices), *more]

    return of


def start(*words, prefix=(), **variables):
    return subprocess.Popen(
        [*prefix, sys.executable, __file__, *words],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes):
    """What each said, when all have ended well."""
    said = [process.communicate()[0] for process in processes]
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0, text
    return said


def history(folder):
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def assert_equal(one, other):
    """Within 1e-5: weights of the networks, and the losses of every epoch."""
    networks = [
        keras.models.load_model(each / "student.keras") for each in (one, other)
    ]
    before = network().get_weights()
    for start, left, right in zip(
        before, *(each.get_weights() for each in networks), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-5)
        assert np.abs(left - start).max() > 1e-3
    losses = [[float(row["loss"]) for row in history(run)] for run in (one, other)]
    assert len(losses[0]) == 3
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.fixture
def trained_twice(words, tmp_path):
    """The folders of one kind of run, on one device and on two."""

    def run(kind):
        one, two = tmp_path / "one" / "run", tmp_path / "two" / "run"
        on_two = start(*words(kind, two, 2))
        train(*words(kind, one))
        finish(on_two)
        return one, two

    return run


@pytest.mark.slow
def test_two_devices_train_as_one_does(trained_twice):
    one, two = trained_twice("plain")
    assert_equal(one, two)
    saved = keras.models.load_model(two / "student.keras")
    assert not saved.get_layer("bn").synchronized and saved.inputs[0].shape[0] is None
    columns = {"epoch", "loss", "student_loss", "learning_rate", "seconds"}
    columns |= {"val_mean", "val_auc"}
    assert set(history(two)[0]) == set(history(one)[0]) == columns


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["teacher", "cache"])
def test_two_devices_distil_as_one_does(trained_twice, kind):
    one, two = trained_twice(kind)
    assert_equal(one, two)
    assert float(history(two)[-1]["distillation_loss"]) > 0


@pytest.mark.slow
def test_a_run_resumes_on_another_number_of_devices(words, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    stopped = start(*words("plain", broken, 2), FPD_TEST_STOPS_AFTER="2")
    train(*words("plain", whole))
    said, _ = stopped.communicate()
    assert stopped.returncode == 130, said
    assert len(history(broken)) == 2
    finish(start(*words("plain", broken, 4, "resume")))
    assert_equal(whole, broken)


def _own_network():
    """Words that run a program where only the loopback is, or None."""
    words = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        tried = subprocess.run([*words, "true"], capture_output=True)
    except FileNotFoundError:
        return None
    return None if tried.returncode else words


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS)
def test_two_machines_train_as_one_does(words, tmp_path, kind):
    prefix = _own_network()
    if not prefix:
        pytest.skip("no network namespace; TensorFlow would listen on every interface")
    one, two = tmp_path / "one" / "run", tmp_path / "two" / "run"
    both = "machines", *words(kind, two)
    machines = start(*both, prefix=prefix, TMPDIR=str(tmp_path))
    train(*words(kind, one))
    finish(machines)
    assert_equal(one, two)
    files = {path.name for path in two.iterdir()}
    assert {"curves.png", "config.json", "history.csv", "student.keras"} <= files
    assert (two / "scores.json").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}
    (caches,) = {len(list(tmp_path.glob(f"{run}/*/*/*.png"))) for run in ("one", "two")}
    assert caches == (20 if kind == "cache" else 0)


@pytest.mark.slow
def test_machines_stop_together_in_one_line_and_resume(words, tmp_path):
    prefix = _own_network()
    if not prefix:
        pytest.skip("no network namespace; TensorFlow would listen on every interface")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    both = "machines", *words("plain", broken)
    machines = start(*both, prefix=prefix, FPD_TEST_STOPS_AFTER="2")
    train(*words("plain", whole))
    said, _ = machines.communicate()
    assert machines.returncode == 2, said
    assert "TF_CONFIG: another worker failed; see its log" in said
    assert "Traceback" not in said
    assert 1 <= len(history(broken)) < 3
    finish(start(*both, "resume", prefix=prefix))
    assert_equal(whole, broken)


@pytest.mark.slow
def test_one_step_is_as_large_and_clipped_as_one_devices():
    finish(start("steps"))


def test_a_batch_that_does_not_divide_is_refused():
    devices = Devices(SimpleNamespace(num_replicas_in_sync=3))
    assert devices.steps(20, 6) == 3
    with pytest.raises(InputError, match="batch_size: expected a multiple of 3.*: 4"):
        devices.steps(20, 4)
    with pytest.raises(InputError, match="one batch of 6, or a smaller data.b"):
        devices.steps(5, 6)


def test_devices_that_are_not_there_are_refused(monkeypatch):
    tf.zeros(1)  # begins
    with pytest.raises(InputError, match="devices: expected at most 1, .*started.*: 2"):
        strategy_of(2)
    with pytest.raises(InputError, match="devices: expected at least 1. Received: 0"):
        strategy_of(0)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * 2)
    with pytest.raises(InputError, match="devices: expected at most 2, .*this machine"):
        strategy_of(3)
    assert strategy_of(1) is tf.distribute.get_strategy()


@pytest.mark.parametrize(
    "cluster, task, expected",
    [
        (MACHINES, {"type": "worker", "index": 1}, (1, 2)),
        (MACHINES | {"chief": ["a:1"]}, {"type": "worker", "index": 0}, (1, 3)),
        (MACHINES | {"chief": ["a:1"]}, {"type": "chief", "index": 0}, (0, 3)),
        ({}, {}, (0, 1)),
        (MACHINES, {"type": "worker", "index": 2}, None),
        (MACHINES, {}, None),
        (MACHINES | {"ps": ["a:1"]}, {"type": "worker", "index": 0}, None),
        ({"worker": "a:1"}, {"type": "worker", "index": 0}, None),
    ],
)
def test_tf_config_names_the_machines(monkeypatch, cluster, task, expected):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    if expected:
        assert this_machine() == Machine(*expected)
        return
    with pytest.raises(InputError, match="TF_CONFIG: expected a cluster of workers"):
        this_machine()


def test_a_tf_config_that_is_no_json_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(InputError, match="TF_CONFIG: expected a cluster of workers"):
        this_machine()


def train(kind, people, out, teacher, devices, *resume):
    """One of RUNS; the machine that is no chief stops where a test wants it to."""
    stops_after = int(os.environ.get("FPD_TEST_STOPS_AFTER", 0))
    stops = stops_after and '"index": 0' not in os.environ.get("TF_CONFIG", "")

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch + 1 == stops_after:
                raise KeyboardInterrupt

    devices_of(int(devices))  # before anything else uses TensorFlow
    everybody = fpd.load_mpii(people, "all")
    fpd.train(
        everybody,
        out,
        RUNS[kind],
        network=network(),
        teacher=None if kind == "plain" else teacher,
        validation=everybody[:2],
        callbacks=[Stop()] if stops else [],
        devices=int(devices),
        resume=bool(resume),
    )


def run_machines(words):
    """Two machines of one host; ends as the first of them did."""
    both = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": MACHINES, "task": task})
        both.append(
            subprocess.Popen(
                [sys.executable, __file__, *words],
                env=os.environ | {"TF_CONFIG": config},
            )
        )
    first, second = [process.wait() for process in both]
    sys.exit(first or second)


def run_steps():
    """One step of SGD, which unlike Adam minds the size of a gradient, on both."""
    several, one = strategy_of(2), tf.distribute.get_strategy()
    rng = np.random.default_rng(0)
    parts = ((4, 32, 32, 3), (4, 8, 8, 16), (4, 16))
    batch = tuple(rng.random(shape).astype("float32") for shape in parts)
    whole = step_of(one, batch)
    assert_same_step(step_of(several, batch), whole)
    for clip in ("clipnorm", "clipvalue", "global_clipnorm"):
        clipped = step_of(one, batch, **{clip: 0.1})
        assert np.abs(clipped[0]).max() < 0.5 * np.abs(whole[0]).max()
        assert_same_step(step_of(several, batch, **{clip: 0.1}), clipped)


def step_of(strategy, batch, **clip):
    with strategy.scope():
        student = with_precision(network(), "float32", synchronized=True)
        optimizer = keras.optimizers.SGD(1.0, **clip)
        optimizer.build(student.trainable_variables)
    distiller = fpd.Distiller(student=student)
    distiller.compile(optimizer, jit_compile=False)
    before = student.get_weights()
    data = tf.data.Dataset.from_tensors(batch).repeat()
    distiller.fit(data, steps_per_epoch=1, verbose=0)
    return [a - b for a, b in zip(student.get_weights(), before, strict=True)]


def assert_same_step(one, other):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    try:
        if what == "machines":
            run_machines(rest)
        elif what == "steps":
            run_steps()
        else:
            train(what, *rest)
    except InputError as error:
        print(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
