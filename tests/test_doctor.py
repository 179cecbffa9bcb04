import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from fpd_tf import cli, doctor
from fpd_tf.doctor import examine
from fpd_tf.errors import InputError


@pytest.fixture
def quick(monkeypatch):
    """The checks that take seconds, passed."""
    for name in ("_train", "_export", "_import_toolkit"):
        monkeypatch.setattr(doctor, name, lambda *_: None)


@pytest.fixture
def run_doctor(monkeypatch, capfd):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fpd", "doctor", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code or 0, *capfd.readouterr()

    return run


def test_this_install_is_whole_and_says_so_without_noise(tmp_path):
    """A first run, in a process of its own."""
    path = tmp_path / "doctor.json"
    done = subprocess.run(
        [sys.executable, "-m", "fpd_tf.cli", "doctor", "--json", path],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    findings = {each["name"]: each for each in json.loads(path.read_text())}
    assert {"tensorflow", "keras", "CPU", "GPU", "node", "java"} <= set(findings)
    assert all(each["good"] for each in findings.values() if each["needed"])
    assert findings["a network trains"]["found"].endswith(" s")
    assert findings["a .tflite runs"]["found"].endswith(" s")
    assert "tensorflow-model-optimization" in done.stdout


def test_a_missing_package_is_named_with_status_1(quick, run_doctor, monkeypatch):
    installed = doctor.version

    def version(name):
        if name == "tf_keras":
            raise PackageNotFoundError
        return installed(name)

    monkeypatch.setattr(doctor, "version", version)
    status, out, err = run_doctor()
    assert status == 1 and err == "fpd: needed, and missing or broken: tf_keras\n"
    assert "not installed" in out


def test_an_install_that_only_runs_a_tflite_says_so(tmp_path):
    """No TensorFlow: status 0, since what is there works."""
    absent = ("tensorflow", "keras", "tf_keras", "tensorflow_model_optimization")
    code = f"""
import importlib.metadata, sys
sys.modules.update(dict.fromkeys({absent}))
installed = importlib.metadata.version
def version(name):
    if name.replace("-", "_") in {absent}:
        raise importlib.metadata.PackageNotFoundError(name)
    return installed(name)
importlib.metadata.version = version
from fpd_tf import cli
sys.argv[0] = "fpd"
cli.main()
"""
    path = tmp_path / "doctor.json"
    command = [sys.executable, "-c", code, "doctor", "--json", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "TensorFlow is not installed" in done.stdout
    findings = {each["name"]: each for each in json.loads(path.read_text())}
    assert findings["a .tflite runs"]["good"]
    assert findings["a network trains"]["found"] == doctor.ONLY_RUNS
    assert findings["keras"]["found"] == "not installed"
    assert not any(findings[name]["needed"] for name in ("keras", "a network trains"))
    assert findings["numpy"]["needed"]


def with_opencv(monkeypatch, versions):
    def version(name):
        if name not in versions:
            raise PackageNotFoundError
        return versions[name]

    monkeypatch.setattr(doctor, "version", version)
    return doctor._opencv()


def test_any_one_package_of_opencv_will_do(monkeypatch):
    for name in ("opencv-python", "opencv-python-headless", "opencv-contrib-python"):
        finding = with_opencv(monkeypatch, {name: "5.0.0.93"})
        assert finding.good and finding.found == f"{name} 5.0.0.93"
    same = {"opencv-python": "5.0", "opencv-python-headless": "5.0"}
    assert with_opencv(monkeypatch, same).good
    finding = with_opencv(monkeypatch, same | {"opencv-python": "4.10"})
    assert not finding.good and finding.found == (
        "opencv-python-headless 5.0, opencv-python 4.10: both are the folder cv2; "
        "uninstall all, then install one"
    )


def test_an_opencv_that_does_not_start_is_missing(monkeypatch):
    def broken(name):
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(doctor, "import_module", broken)
    finding = with_opencv(monkeypatch, {"opencv-python": "5.0"})
    assert not finding.good
    assert finding.found.startswith("opencv-python 5.0: libGL.so.1: cannot open")


def test_what_breaks_is_a_line_and_not_a_traceback(quick, run_doctor, monkeypatch):
    def broken(path):
        raise InputError("the .tflite", "heatmaps", "those of the network", 0.5)

    monkeypatch.setattr(doctor, "_export", broken)
    status, out, err = run_doctor()
    assert status == 1 and err.endswith("broken: its .tflite agrees\n")
    assert "InputError: the .tflite" in out


def test_what_is_optional_may_be_missing(quick, run_doctor, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    tools = [each for each in examine() if each.kind == "tool"]
    assert len(tools) > 3 and not any(each.good or each.needed for each in tools)
    assert run_doctor()[0] == 0


def test_a_network_that_does_not_learn_is_noticed(monkeypatch):
    network = doctor._tiny_network()
    monkeypatch.setattr(network, "train_on_batch", lambda *_: 1.0)
    monkeypatch.setattr(doctor, "_tiny_network", lambda: network)
    with pytest.raises(InputError, match="training: loss: expected less than 1.0"):
        doctor._train()


@pytest.mark.slow
@pytest.mark.parametrize("again", [False, True])
def test_quiet_says_only_what_went_wrong(tmp_path, again):
    out = tmp_path / "people"
    if again:
        out.mkdir()
        (out / "kept").write_text("kept")
    done = subprocess.run(
        [sys.executable, "-m", "fpd_tf.cli", "--quiet", "synthesize", "--out", out],
        capture_output=True,
        text=True,
    )
    said = f"fpd: {out}: it exists already; give the name of a new folder"
    assert (done.returncode, done.stdout) == (2 if again else 0, "")
    assert done.stderr.startswith(said) if again else done.stderr == ""


def test_the_shell_completes_verbs():
    asked = {
        "_FPD_COMPLETE": "complete_bash",
        "COMP_WORDS": "fpd ex",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [Path(sys.executable).with_name("fpd")],
        env=os.environ | asked,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["export"], done.stderr


def test_without_a_verb_there_is_help(monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["fpd"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code and "\n  doctor " in capfd.readouterr().out
