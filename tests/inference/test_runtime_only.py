"""What only runs a .tflite: the packages that it does without."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

HELD = Path(__file__).parents[1] / "golden"
ABSENT = ("tensorflow", "keras", "tf_keras", "tensorflow_model_optimization")
ABSENT += ("scipy", "matplotlib", "jinja2")

PYTHON = """
import fpd_tf as fpd
from fpd_tf.inference.track import Tracker
estimator, tracker = fpd.PoseEstimator("tiny.tflite"), Tracker("tiny.tflite")
pose = estimator.predict("photo.png", (0, 0, 64, 64))
"""
COMMAND = "from fpd_tf import cli; sys.argv[0] = 'fpd'; cli.main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, a photograph and a video of it."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in ("tiny.tflite", "tiny.pose.json", "photo.png"):
        shutil.copy(HELD / name, folder)
    photo = cv2.imread(str(folder / "photo.png"))
    code = cv2.VideoWriter.fourcc(*"MJPG")
    video = cv2.VideoWriter(str(folder / "video.avi"), code, 25, photo.shape[1::-1])
    video.write(photo)
    video.release()
    return folder


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (PYTHON, ""),
        (COMMAND, "predict photo.png --model tiny.tflite --out drawn --json a.json"),
        (COMMAND, "predict --video video.avi --model tiny.tflite --out joints.csv"),
        (COMMAND, "--help"),
    ],
)
def test_a_tflite_runs_without_what_trains(folder, code, arguments):
    absent = f"import sys; sys.modules.update(dict.fromkeys({ABSENT}))"
    subprocess.run(
        [sys.executable, "-c", f"{absent}\n{code}", *arguments.split()],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
