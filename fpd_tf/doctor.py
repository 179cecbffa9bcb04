"""Checks of an install: versions, devices, optional tools, and a tiny network."""

import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from fpd_tf.errors import InputError

OPENCV = (
    *("opencv-python-headless", "opencv-python"),
    *("opencv-contrib-python-headless", "opencv-contrib-python"),
)
RUN_A_TFLITE = (
    *("ai-edge-litert", "flatbuffers", "numpy", "pillow", "pydantic", "rich", "typer"),
    "fpd_tf",
)
ONLY_RUNS = (
    "TensorFlow is not installed: only .tflite files run; for all else, `pip install "
    ".` in the repository of fpd_tf"
)
TOOLS = {
    "java": "the Kotlin tests of make test-mobile",
    "node": "the JavaScript tests, and fpd serve",
    "npm": "the web page's runtime, for fpd serve",
    "chromium": "the browser tests of make test-mobile",
    "adb": "putting the Android app on a phone",
    "xcodebuild": "building the iOS app",
}


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        kind: "package", "device", "tool" or "check".
        name: of it.
        found: its version, place or result, or what went wrong.
        good: whether it is present and works.
        needed: whether fpd_tf fails without it.
    """

    kind: str
    name: str
    found: str
    good: bool = True
    needed: bool = True


def examine() -> list[Finding]:
    """Runs all checks; takes about ten seconds.

    Example:
        >>> from fpd_tf.doctor import examine
        >>> [each.name for each in examine() if each.needed and not each.good]
        []
    """
    return [*_packages(), *_checks(), *_devices(), *_tools()]


def _packages():
    yield Finding("package", "python", platform.python_version())
    wanted = ["fpd_tf"]
    try:
        wanted += [
            re.match(r"[\w.-]+", each)[0]
            for each in requires("fpd_tf") or ()
            if "extra ==" not in each and not each.startswith("opencv")
        ]
    except PackageNotFoundError:  # said by the line for fpd_tf
        pass
    for name in wanted:
        try:
            yield Finding("package", name, version(name))
        except PackageNotFoundError:
            needed = _trains() or name in RUN_A_TFLITE
            yield Finding("package", name, "not installed", False, needed)
    yield _opencv()


def _trains():
    return find_spec("tensorflow") is not None


def _opencv():
    """Any of its packages will do; two of different versions overwrite each other."""
    found = {}
    for name in OPENCV:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    said = ", ".join(f"{name} {number}" for name, number in found.items())
    try:
        import_module("cv2")
    except ImportError as error:
        return Finding("package", "OpenCV", f"{said}: {error}".lstrip(": "), good=False)
    if len(set(found.values())) > 1:
        said += ": both are the folder cv2; uninstall all, then install one"
        return Finding("package", "OpenCV", said, good=False)
    return Finding("package", "OpenCV", said)


def _checks():
    yield _tried("a .tflite runs", _run_shipped)
    if not _trains():
        yield Finding("check", "a network trains", ONLY_RUNS, False, needed=False)
        return
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.tflite"
        yield _tried("a network trains", _train)
        yield _tried("its .tflite agrees", lambda: _export(model))
        yield _tried("quantization toolkit", _import_toolkit)


def _tried(name: str, run: Callable[[], None]) -> Finding:
    started = time.perf_counter()
    try:
        with Console(stderr=True).status(f"checking: {name}"):
            run()
    except Exception as error:  # a broken install breaks in any way
        said = str(error).strip().partition("\n")[0]
        return Finding("check", name, f"{type(error).__name__}: {said}", good=False)
    return Finding("check", name, f"{time.perf_counter() - started:.1f} s")


def _run_shipped():
    import numpy as np

    from fpd_tf.predictors.load import load_predictor
    from fpd_tf.shipped import POSE_MODEL, shipped

    predictor = load_predictor(shipped(POSE_MODEL))
    crop = np.zeros((1, predictor.input_size, predictor.input_size, 3), np.float32)
    if not np.isfinite(predictor(crop).joints).all():
        raise InputError.plain(predictor.name, "joints", "are not finite")


def _tiny_network():
    import keras

    start = {"kernel_initializer": keras.initializers.GlorotUniform(seed=0)}
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(8, 4, strides=4, name="stem", **start)(image)
    return keras.Model(image, keras.layers.Conv2D(16, 1, name="heatmaps", **start)(x))


def _train():
    import numpy as np

    network = _tiny_network()
    network.compile("adam", "mse", jit_compile=False)
    images, heatmaps = np.ones((2, 32, 32, 3)), np.zeros((2, 8, 8, 16))
    losses = [network.train_on_batch(images, heatmaps) for _ in range(3)]
    if not losses[2] < losses[0]:
        raise InputError("training", "loss", f"less than {losses[0]}", losses[2])


def _export(path):
    import numpy as np

    from fpd_tf.export.convert import export_tflite
    from fpd_tf.predictors.load import load_predictor

    network = _tiny_network()
    images = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    expected = network.predict_on_batch(images)
    received = load_predictor(export_tflite(network, path)).heatmaps(images)
    worst = float(np.abs(received - expected).max())
    if not worst < 1e-4:
        sentence = f"{worst:.1g} off those of the Keras network; 0.0001 is allowed"
        raise InputError.plain("the .tflite", "heatmaps", sentence)


def _import_toolkit():
    from fpd_tf.export.fine_tune import toolkit

    toolkit()


def _devices():
    yield Finding("device", "CPU", f"{platform.machine()}, {os.cpu_count()} cores")
    try:
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        names = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        found = ", ".join(each.get("device_name", "unnamed") for each in names)
    except Exception:  # said by the checks
        gpus, found = [], "unknown: TensorFlow does not start"
    yield Finding("device", "GPU", found or "none", bool(gpus), needed=False)
    free = shutil.disk_usage(".").free
    yield Finding("device", "disk", f"{free / 1e9:.0f} GB free", free > 1e9, False)


def _tools():
    for name, purpose in TOOLS.items():
        place = shutil.which(name)
        found = place or f"not found; for {purpose}"
        yield Finding("tool", name, found, bool(place), needed=False)
