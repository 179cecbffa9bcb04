"""`fpd train` and `fpd distill` on several devices, in processes of their own.

TensorFlow splits its CPU, and joins machines, only where it has not begun. This file is
also the program that those processes run: `fpd` with a preset that is quick to trace,
twice where its first word is "machines". 20 drawn people make five steps of four an
epoch, three epochs a run.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf import cli
from fpd_tf.errors import InputError
from fpd_tf.models import presets
from fpd_tf.models.precision import with_precision
from fpd_tf.training import run as running
from fpd_tf.training.checkpoint import RunCheckpoint
from fpd_tf.training.devices import Machine, strategy_of, this_machine

COMMON = ["--preset", "tiny", "--validation", "none", "--split", "all"]
COMMON += ["--set", "epochs=3", "--set", "data.batch_size=4", "--set", "data.sigma=1"]
COMMON += ["--set", "data.input_size=32", "--set", "learning_rate=0.01"]
ADAM, ADAMW = ["--set", "optimizer=adam"], ["--set", "optimizer=adamw"]
ADAMW += ["--set", "weight_decay=0.1", "--set", "schedule=cosine", "--set", "ema=0.5"]
RUNS = {
    "plain": ["train", *ADAMW],
    "teacher": ["distill", *ADAM],
    "cache": ["distill", *ADAM, "--set", "teacher_cache=true"],
}
MACHINES = {"worker": ["127.0.0.1:20001", "127.0.0.1:20002"]}


def network(
    *,
    num_joints=16,
    input_size=32,
    num_stacks=2,
    seed=0,
    name="tiny",
    keras=keras,
):
    """A network with no bias before its normalisation.

    Such a bias has a gradient of rounding errors alone, which Adam makes as large as
    any other: no two orders of summing agree on it.
    """
    layers = keras.layers
    images = layers.Input((input_size, input_size, 3), name="image")
    start = keras.initializers.GlorotUniform(seed)
    x = layers.Conv2D(
        6, 4, strides=4, use_bias=False, kernel_initializer=start, name="conv"
    )(images)
    x = layers.BatchNormalization(momentum=0.9, name="bn")(x)
    x = layers.ReLU(name="relu")(x)
    heatmaps = []
    for stack in range(num_stacks):
        start = keras.initializers.GlorotUniform(seed + stack)
        y = layers.Conv2D(num_joints, 1, kernel_initializer=start, name=f"{stack}")(x)
        y = layers.Activation("linear", dtype="float32", name=f"{stack}_heatmaps")(y)
        heatmaps.append(y)
    return keras.Model(images, heatmaps, name=name)


TINY = presets.Preset(network, {}, 0, 0.0, "one convolution")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return fpd.synthesize(tmp_path_factory.mktemp("data") / "people", count=20)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    network(num_stacks=3, seed=9).save(path)
    return path


@pytest.fixture
def command(people, teacher):
    """The words after `fpd` for one of RUNS."""

    def words(kind, out, *more):
        verb, *settings = RUNS[kind]
        given = ["--teacher", str(teacher)] if verb == "distill" else []
        place = ["--data", "mpii", "--root", str(people), "--out", str(out)]
        return [verb, *place, *COMMON, *settings, *given, *more]

    return words


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
def train_here(command, monkeypatch):
    """Runs `fpd` on the one device of this process."""
    known = MappingProxyType({"tiny": TINY, **presets.PRESETS})
    monkeypatch.setattr(presets, "PRESETS", known)

    def run(kind, folder):
        monkeypatch.setattr(sys, "argv", ["fpd", *command(kind, folder)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code

    return run


@pytest.fixture
def trained_twice(command, train_here, tmp_path):
    """The folders of one kind of run, on one device and on two."""

    def run(kind):
        one, two = tmp_path / "one" / "run", tmp_path / "two" / "run"
        on_two = start(*command(kind, two, "--devices", "2"))
        train_here(kind, one)
        finish(on_two)
        return one, two

    return run


def test_two_devices_train_as_one_does(trained_twice):
    one, two = trained_twice("plain")
    assert_equal(one, two)
    saved = keras.models.load_model(two / "student.keras")
    assert not saved.get_layer("bn").synchronized and saved.inputs[0].shape[0] is None
    assert set(history(two)[0]) == {"epoch", "loss", "learning_rate", "seconds"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["teacher", "cache"])
def test_two_devices_distil_as_one_does(trained_twice, kind):
    one, two = trained_twice(kind)
    assert_equal(one, two)
    distilled = float(history(two)[-1].get("distillation_loss", 0))
    assert (distilled > 0) == (kind == "teacher")


@pytest.mark.slow
def test_a_run_resumes_on_another_number_of_devices(command, train_here, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    stopped = start(
        *command("plain", broken, "--devices", "2"), FPD_TEST_STOPS_AFTER="2"
    )
    train_here("plain", whole)
    said, _ = stopped.communicate()
    assert stopped.returncode == 130, said
    assert len(history(broken)) == 2
    finish(start(*command("plain", broken, "--devices", "4", "--resume")))
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
def test_two_machines_train_as_one_does(command, train_here, tmp_path, kind):
    prefix = _own_network()
    if not prefix:
        pytest.skip("no network namespace; TensorFlow would listen on every interface")
    one, two = tmp_path / "one" / "run", tmp_path / "two" / "run"
    words = "machines", *command(kind, two)
    machines = start(*words, prefix=prefix, TMPDIR=str(tmp_path))
    train_here(kind, one)
    finish(machines)
    assert_equal(one, two)
    files = {path.name for path in two.iterdir()}
    assert {"curves.png", "config.json", "history.csv", "student.keras"} <= files
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}
    (caches,) = {len(list(tmp_path.glob(f"{run}/*/*/*.png"))) for run in ("one", "two")}
    assert caches == (20 if kind == "cache" else 0)


@pytest.mark.slow
def test_machines_stop_together_in_one_line_and_resume(command, train_here, tmp_path):
    prefix = _own_network()
    if not prefix:
        pytest.skip("no network namespace; TensorFlow would listen on every interface")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    words = "machines", *command("plain", broken)
    machines = start(*words, prefix=prefix, FPD_TEST_STOPS_AFTER="2")
    train_here("plain", whole)
    said, _ = machines.communicate()
    assert machines.returncode == 2, said
    assert "fpd: TF_CONFIG: expected every machine." in said
    assert "Traceback" not in said
    assert 1 <= len(history(broken)) < 3
    finish(start(*words, "--resume", prefix=prefix))
    assert_equal(whole, broken)


@pytest.mark.slow
def test_one_step_is_as_large_and_clipped_as_one_devices():
    finish(start("steps"))


def test_a_batch_that_does_not_divide_is_refused(monkeypatch):
    strategy = SimpleNamespace(num_replicas_in_sync=3)
    monkeypatch.setattr(running, "strategy_of", lambda devices: strategy)
    config = fpd.TrainConfig(data=fpd.DataConfig(batch_size=4))
    joints, known = np.zeros((16, 2)), np.zeros(16, bool)
    nobody = fpd.Sample(Path(), joints, known, known, fpd.Box(0, 0, 1))
    nobodies = fpd.People([nobody] * 8, fpd.MPII)
    with pytest.raises(InputError, match="batch_size: expected a multiple of 3.*: 4"):
        fpd.train(nobodies, "nowhere", config, devices=3)


def test_devices_that_are_not_there_are_refused(monkeypatch):
    tf.zeros(1)  # begins
    with pytest.raises(InputError, match="devices: expected at most 1, .*begun.*: 2"):
        strategy_of(2)
    with pytest.raises(InputError, match="devices: expected at least 1. Received: 0"):
        strategy_of(0)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * 2)
    with pytest.raises(InputError, match="devices: expected at most 2, .*machine has"):
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


def run_fpd(words):
    """`fpd` with one more preset; stops where a test wants it to."""
    presets.PRESETS = MappingProxyType({"tiny": TINY, **presets.PRESETS})
    stops_after = int(os.environ.get("FPD_TEST_STOPS_AFTER", 0))
    whole_epoch = RunCheckpoint.on_epoch_end

    def stopping(self, epoch, logs=None):
        whole_epoch(self, epoch, logs)
        if epoch + 1 == stops_after:
            raise KeyboardInterrupt

    if stops_after and '"index": 0' not in os.environ.get("TF_CONFIG", ""):
        RunCheckpoint.on_epoch_end = stopping
    sys.argv = ["fpd", *words]
    cli.main()


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
    if what == "machines":
        run_machines(rest)
    elif what == "steps":
        run_steps()
    else:
        run_fpd(sys.argv[1:])
