"""Installs that are not whole, or set to what nothing here can work with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "tests" / "golden" / "photo.png"
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


@pytest.mark.parametrize("settings", ["no json", "[1]", "{}"])
def test_a_keras_json_that_says_nothing_does_no_harm(
    tmp_path, settings, monkeypatch, run_fpd
):
    (tmp_path / "keras.json").write_text(settings)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert run_fpd("models")[0] == 0
