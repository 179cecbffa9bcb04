"""Installs that are not whole, or set to what nothing here can work with."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "tests" / "golden" / "photo.png"
OLD = (  # of them fpd_tf needs newer ones, one and all
    *("numpy==1.26.4", "typer==0.20.0", "keras==3.10.0", "pillow==10.4.0"),
    *("pydantic==2.9.2", "rich==13.7.1", "filelock==3.15.4", "scipy==1.13.1"),
)
NO_LIBRARY = "libGL.so.1: cannot open shared object file: No such file or directory"


def fpd_apart(*arguments, **environment):
    """Status and standard error of a verb in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "fpd_tf.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {name: str(value) for name, value in environment.items()},
    )
    return done.returncode, done.stderr


def test_an_opencv_without_its_libraries_is_a_sentence(tmp_path):
    """As opencv-python fails in a container that has no libGL."""
    (tmp_path / "cv2.py").write_text(f"raise ImportError({NO_LIBRARY!r}, name='cv2')")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    status, said = fpd_apart("predict", PHOTO, PYTHONPATH=path)
    assert (status, said) == (
        2,
        f"fpd: OpenCV does not start: {NO_LIBRARY}. fpd_tf opens no window: pip "
        "uninstall opencv-python, then pip install --force-reinstall "
        "opencv-python-headless\n",
    )


@pytest.mark.parametrize(
    ("variable", "settings", "said"),
    [
        ("torch", {}, "KERAS_BACKEND: is torch; fpd runs on TensorFlow: set "),
        ("", {"backend": "torch"}, "keras.json: backend: is torch; fpd runs on "),
        (
            "tensorflow",
            {"backend": "torch", "image_data_format": "channels_first"},
            'keras.json: image_data_format: must be "channels_last"',
        ),
    ],
)
def test_a_keras_set_to_something_else_is_a_sentence(
    tmp_path, variable, settings, said, monkeypatch, run_fpd
):
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", variable)
    status, _, error = run_fpd("models")
    assert (status, error.count("\n")) == (2, 1) and said in error


def test_a_backend_that_is_not_installed_is_a_sentence_in_python():
    code = "import sys; sys.modules['torch'] = None; import fpd_tf; fpd_tf.train"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": str(ROOT)},
    )
    assert done.stderr.splitlines()[-1] == (
        "fpd_tf.errors.InputError: Keras: backend: is torch, which is not installed: "
        "set KERAS_BACKEND=tensorflow"
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_training_on_another_backend_is_a_sentence(tmp_path, backend, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    said = f"^KERAS_BACKEND: is {backend}; training runs on TensorFlow: set KERAS_BACK"
    with pytest.raises(InputError, match=said):
        fpd.train(None, tmp_path / "run")
    with pytest.raises(InputError, match=said):
        fpd.distill(None, tmp_path / "run", "teacher.keras")


@pytest.mark.parametrize("settings", ["no json", "[1]", "{}"])
def test_a_keras_json_that_says_nothing_does_no_harm(
    tmp_path, settings, monkeypatch, run_fpd
):
    (tmp_path / "keras.json").write_text(settings)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert run_fpd("models")[0] == 0


@pytest.fixture(scope="module")
def old_packages(tmp_path_factory):
    """A function that runs a command in an environment of packages too old for us."""
    folder = tmp_path_factory.mktemp("old") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    apart = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PIP_USER")}

    def run(command, *arguments):
        return subprocess.run(
            [folder / "bin" / command, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=folder,
            env=apart,
        )

    begun = run("pip", "install", "--only-binary=:all:", *OLD)
    if begun.returncode:
        reason = begun.stderr.strip().splitlines()[-1]
        pytest.skip(f"pip finds no old packages to begin with: {reason}")
    return run


@pytest.mark.slow
def test_pip_lifts_old_packages_and_the_install_is_whole(old_packages, tmp_path):
    """Without constraints: the lower bounds of setup.py alone."""
    source = tmp_path / "source"
    for name in ("fpd_tf", "tflite"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    installed = old_packages("pip", "install", source)
    assert installed.returncode == 0, installed.stderr
    checked = old_packages("pip", "check")
    assert checked.returncode == 0, checked.stdout
    kept = old_packages("pip", "freeze").stdout.splitlines()
    assert not {line.lower() for line in kept} & set(OLD)
    for arguments in (["--help"], ["doctor"]):
        done = old_packages("fpd", *arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
