"""What the mobile tests need; `make test-mobile` installs it all and skips nothing."""

import os
import re
import shutil
import sys
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest

from fpd_tf.bundle.folders import bundle
from fpd_tf.contract.pose_json import contract_path, describe, write_contract
from fpd_tf.export.convert import export_tflite
from fpd_tf.joints import LSP

TOOLS = Path(sys.prefix) / "mobile"


def tool(path: Path | str | None, name: str) -> Path:
    """A tool that is there."""
    if path is None or not Path(path).exists():
        missing(name)
    return Path(path)


def missing(name: str):
    """Skips the test and says why; fails it where nothing may be skipped."""
    sentence = f"no {name}; `make test-mobile` installs it"
    if os.environ.get("FPD_MOBILE") == "required":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def require_module():
    """A function that imports a Python module, or skips the test."""

    def imported(name):
        try:
            return import_module(name)
        except ImportError:
            missing(f"Python module {name}")

    return imported


@pytest.fixture(scope="session")
def node() -> Path:
    return tool(shutil.which("node"), "Node.js (20 or later)")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    return tool(TOOLS / "node_modules", "npm packages for the page's tests")


@pytest.fixture(scope="session")
def chromium() -> Path:
    return tool(shutil.which("chromium"), "Chromium")


@pytest.fixture(scope="session")
def kotlin() -> tuple[Path, Path, Path]:
    """Java, the compiler's jar and the standard library's."""
    jars = TOOLS / "kotlin" / "run_kotlin_kernel" / "jars"
    return (
        tool(shutil.which("java"), "Java (17 or later)"),
        tool(next(jars.glob("kotlin-jupyter-kernel-*-all.jar"), None), "Kotlin"),
        tool(next(jars.glob("kotlin-stdlib-*.jar"), None), "Kotlin library"),
    )


@pytest.fixture(scope="session")
def cpp() -> Path:
    """A C++ compiler that finds the JSON library of nlohmann."""
    tool("/usr/include/nlohmann/json.hpp", "nlohmann/json.hpp")
    return tool(shutil.which("g++"), "C++ compiler")


@pytest.fixture(scope="session")
def android_jar() -> Path:
    """Android's framework, of Debian's libandroid-23-java."""
    jar = TOOLS / "android" / "com.android.android-23.jar"
    if not jar.exists():
        pytest.skip("no Android framework: apt did not give `make test-mobile` one")
    return jar


@pytest.fixture(scope="session")
def shown_block():
    """A function to the one block of code that pages show in a language."""

    def block(language, *pages):
        pattern = re.compile(f"```{language}\n(.*?)```", re.DOTALL)
        (code,) = {pattern.search(page.read_text())[1] for page in pages}
        return code

    return block


@pytest.fixture(scope="session")
def trixie() -> Path:
    """The root of a Debian that has a Swift compiler."""
    root = TOOLS / "swift"
    if not (root / "usr" / "bin" / "swiftc").exists():
        pytest.skip("no Swift compiler: `make test-swift` could not install one")
    return root


@pytest.fixture(scope="session")
def student(tmp_path_factory) -> Path:
    """A network of one layer whose joints are blobs of 14 colours, and its contract.

    An untrained hourglass would do but for its flat heatmaps, where two decoders of
    JPEG, a level apart, find joints at two ends of a picture.
    """
    random, cells = np.random.default_rng(0), np.arange(-6, 7)
    near, far = (
        np.exp(-(cells[:, None] ** 2 + cells**2) / (2 * sigma**2)) for sigma in (2, 4)
    )
    blob = near / near.sum() - far / far.sum()
    colors = random.uniform(-8, 8, (3, len(LSP.joints)))
    image = keras.Input((96, 96, 3), name="image")
    finder = keras.layers.Conv2D(len(LSP.joints), 13, 4, "same", name="heatmaps")
    network = keras.Model(image, finder(image))
    finder.set_weights([blob[..., None, None] * colors, np.zeros(len(LSP.joints))])
    path = tmp_path_factory.mktemp("m") / "student.tflite"
    model = export_tflite(network, path, joint_set=LSP)
    write_contract(contract_path(model), describe(model, training_data="nothing"))
    return model


@pytest.fixture(scope="session")
def bundled(student, tmp_path_factory) -> Path:
    return bundle(student, tmp_path_factory.mktemp("b") / "bundle")
