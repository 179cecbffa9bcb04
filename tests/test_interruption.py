"""Runs that are killed, run out of disk or meet a second run, and then go on.

Real verbs on drawn people. Run as a program, this file is a verb of a process of its
own that stops at a moment of `MOMENTS`: `python test_interruption.py MOMENT VERB ...`.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from zipfile import is_zipfile

import cv2
import keras
import numpy as np
import pytest

from fpd_tf import cli
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.export import convert, gate
from fpd_tf.models import presets
from fpd_tf.models.keras_file import load_network
from fpd_tf.training.checkpoint import STATE, RunCheckpoint, read_history

RECIPE = ("data.input_size=32", "data.batch_size=3", "optimizer=adam", "ema=0.9")
EPOCHS, KILLS = 4, 20


def tiny(*, num_joints, input_size, name, keras=keras):
    image = keras.Input((input_size, input_size, 3), name="image")
    x = keras.layers.Conv2D(8, 4, 4, name="stem")(image)
    x = keras.layers.BatchNormalization(name="bn")(x)
    heatmaps = keras.layers.Conv2D(num_joints, 1, name="heatmaps")(x)
    return keras.Model(image, heatmaps, name=name)


PRESETS = {"tiny": presets.Preset(tiny, {}, 0, 0.0, "two convolutions")}


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def die_inside_the_second_checkpoint():
    calls, savez = [], np.savez

    def half(path, **arrays):
        calls.append(path)
        savez(path, **arrays)
        if len(calls) == 2:
            halve(path)
            die()

    np.savez = half


def hold_inside_the_third_epoch():
    def hold(self, batch, logs=None):
        if self.state.epoch == 2 and batch == 1:
            print("held", flush=True)
            time.sleep(600)

    RunCheckpoint.on_train_batch_end = hold


def die_inside_the_cache():
    write = Path.write_bytes

    def half(path, content):
        if not path.name.endswith("000006.png"):
            return write(path, content)
        write(path, content[: len(content) // 2])
        die()

    Path.write_bytes = half


def die_before_the_tflite_has_its_name():
    convert.open_interpreter = die


def die_before_the_contract():
    gate.write_contract = die


def die_when_told():
    pass


MOMENTS = {
    moment.__name__: moment
    for moment in (
        die_inside_the_second_checkpoint,
        hold_inside_the_third_epoch,
        die_inside_the_cache,
        die_before_the_tflite_has_its_name,
        die_before_the_contract,
        die_when_told,
    )
}


def start(moment, arguments):
    return subprocess.Popen(
        [sys.executable, "-u", __file__, moment.__name__, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(moment, arguments):
    """Runs a verb until its moment of death."""
    process = start(moment, arguments)
    _, err = process.communicate(timeout=500)
    assert process.returncode == -signal.SIGKILL, err


@pytest.fixture(autouse=True)
def tiny_preset(monkeypatch):
    monkeypatch.setattr(presets, "PRESETS", PRESETS)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return synthesize(tmp_path_factory.mktemp("drawn") / "people", count=15, seed=1)


def training(people, out, *more, verb="train", epochs=EPOCHS):
    settings = [part for field in RECIPE for part in ("--set", field)]
    return [
        *(verb, "--root", people, "--out", out, "--preset", "tiny", *settings),
        *("--validation", "none", "--set", f"epochs={epochs}", *more),
    ]


@pytest.fixture(scope="module")
def whole(people, tmp_path_factory):
    """A run that nothing disturbs."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presets, "PRESETS", PRESETS)
        patch.setattr(sys, "argv", ["fpd", *map(str, training(people, out))])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    assert not stop.value.code
    return out


def state_of(folder):
    with np.load(folder / STATE) as state:
        return dict(state)


def epochs_of(folder):
    return len(json.loads(str(state_of(folder)["history"])))


def check_same(folder, whole):
    """The same weights, optimizer and history, bit for bit."""
    one, other = state_of(folder), state_of(whole)
    assert one.keys() == other.keys()
    for name in one.keys() - {"history"}:
        np.testing.assert_array_equal(one[name], other[name])
    networks = [load_network(each / "student.keras") for each in (folder, whole)]
    for left, right in zip(*(each.get_weights() for each in networks), strict=True):
        np.testing.assert_array_equal(left, right)
    for left, right in zip(*map(read_history, (folder, whole)), strict=True):
        assert left | {"seconds": ""} == right | {"seconds": ""}
    assert not list(folder.rglob("partial-*"))


@pytest.mark.slow
def test_killed_in_a_checkpoint_and_terminated_in_an_epoch_a_run_ends_the_same(
    run_fpd, people, whole, tmp_path
):
    out = tmp_path / "run"
    killed(die_inside_the_second_checkpoint, training(people, out))
    (half,) = (out / STATE).parent.glob("partial-*")
    assert not is_zipfile(half) and epochs_of(out) == 1

    resumed = training(people, out, "--resume")
    held = start(hold_inside_the_third_epoch, resumed)
    while "held" not in held.stdout.readline():
        assert held.poll() is None, held.stderr.read()
    status, _, err = run_fpd(*resumed)
    assert (status, err.count("\n")) == (2, 1) and "another run is writing" in err
    held.terminate()
    held.communicate(timeout=60)
    assert held.returncode == -signal.SIGTERM and epochs_of(out) == 2

    status, _, err = run_fpd(*resumed)
    assert status == 0, err
    check_same(out, whole)


@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_killed_in_its_first_moment_a_run_starts_anew(
    run_fpd, people, whole, tmp_path, more
):
    out = tmp_path / "run"
    out.mkdir()
    for left in (".lock", "partial-7-config.json"):
        (out / left).write_text("")
    status, _, err = run_fpd(*training(people, out, *more))
    assert status == 0, err
    (out / "partial-7-config.json").unlink(missing_ok=True)
    check_same(out, whole)
    (other := tmp_path / "other").mkdir()
    (other / "photo.jpg").write_text("mine")
    status, _, err = run_fpd(*training(people, other, *more))
    assert status == 2 and f"fpd: {other}" in err, err
    assert [each.name for each in other.iterdir()] == ["photo.jpg"]


@pytest.mark.slow
def test_killed_at_random_moments_a_run_ends_the_same(run_fpd, people, tmp_path):
    chance, epochs, moments = random.Random(20), 150, []
    whole, out = tmp_path / "whole", tmp_path / "run"
    status, _, err = run_fpd(*training(people, whole, epochs=epochs))
    assert status == 0, err
    seconds = [float(row["seconds"]) for row in read_history(whole)]
    for _ in range(KILLS):
        begun = (out / "config.json").is_file()
        more = ["--resume"] if begun else []
        process = start(die_when_told, training(people, out, *more, epochs=epochs))
        for _ in range(chance.randrange(1, 7)):
            while "Epoch" not in process.stdout.readline():
                assert process.poll() is None, process.stderr.read()
        moment = chance.uniform(0, 2 * np.median(seconds))
        how = chance.choice([signal.SIGKILL, signal.SIGTERM])
        time.sleep(moment)
        process.send_signal(how)
        process.communicate(timeout=60)
        done = epochs_of(out) if (out / STATE).is_file() else 0
        left = [each.name for each in out.rglob("partial-*")]
        moments.append((how.name, f"{1000 * moment:.0f} ms", done, left))
        assert process.returncode == -how and done < epochs, moments
    status, _, err = run_fpd(*training(people, out, "--resume", epochs=epochs))
    print(*moments, sep="\n")
    assert status == 0, err
    assert len({done for _, _, done, _ in moments}) > KILLS // 2  # it went on each time
    check_same(out, whole)


@pytest.fixture
def disk(tmp_path):
    """A folder on a disk of 2 MB, and a function that leaves no room on it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "fpd-test", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")

    def fill():
        with pytest.raises(OSError), (folder / "ballast").open("wb", 0) as ballast:
            while True:
                ballast.write(bytes(4096))

    yield folder, fill
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("target", "name", "file"),
    [(RunCheckpoint, "_write", "student.keras"), (np, "savez", "state.npz")],
)
def test_a_full_disk_ends_a_run_and_keeps_its_last_checkpoint(
    run_fpd, people, whole, disk, monkeypatch, target, name, file
):
    (folder, fill), calls, write = disk, [], getattr(target, name)
    out = folder / "run"

    def full(*arguments, **named):
        calls.append(name)
        if len(calls) == 2:
            fill()
        return write(*arguments, **named)

    monkeypatch.setattr(target, name, full)
    status, _, err = run_fpd(*training(people, out))
    assert (status, err.count("\n")) == (2, 1), err
    assert f"{file}: it cannot be written" in err and "No space left" in err
    assert not list(out.rglob("partial-*")) and epochs_of(out) == 1
    (folder / "ballast").unlink()
    status, _, err = run_fpd(*training(people, out, "--resume"))
    assert status == 0, err
    check_same(out, whole)


def test_a_full_disk_leaves_no_half_an_export(run_fpd, whole, disk):
    folder, fill = disk
    fill()
    arguments = ["--model", whole / "student.keras", "--out", folder / "s.tflite"]
    status, _, err = run_fpd("export", *arguments)
    assert (status, err.count("\n")) == (2, 1) and "No space left" in err, err
    assert [each.name for each in folder.iterdir()] == ["ballast"]


@pytest.mark.slow
def test_a_cache_build_that_was_killed_goes_on(run_fpd, people, whole, tmp_path):
    teacher = whole / "student.keras"
    cached = ("--teacher", teacher, "--set", "teacher_cache=true")
    out, other = tmp_path / "a" / "run", tmp_path / "b" / "run"
    distilling = training(people, out, *cached, verb="distill")
    killed(die_inside_the_cache, distilling)
    written = sorted(out.parent.glob("teacher-cache/*/0*.png"))
    assert [each.name for each in written] == [f"{i:06d}.png" for i in range(6)]
    assert all(cv2.imread(str(each), 0).shape == (128, 8) for each in written)
    status, _, err = run_fpd(*distilling, "--resume")
    assert status == 0, err
    status, _, err = run_fpd(*training(people, other, *cached, verb="distill"))
    assert status == 0, err
    check_same(out, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "written"),
    [(die_before_the_tflite_has_its_name, False), (die_before_the_contract, True)],
)
def test_an_export_that_was_killed_is_whole_or_not_there(
    run_fpd, whole, tmp_path, moment, written
):
    out = tmp_path / "s.tflite"
    arguments = ["export", "--model", whole / "student.keras", "--out", out]
    killed(moment, arguments)
    assert out.exists() == written
    assert run_fpd("audit", out)[0] == (0 if written else 2)
    assert run_fpd(*arguments)[0] == 0


if __name__ == "__main__":
    _, chosen, *arguments = sys.argv
    presets.PRESETS = PRESETS
    MOMENTS[chosen]()
    sys.argv = ["fpd", *arguments]
    cli.main()
