"""What importing the package does, and what none of its rooms may import."""

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fpd_tf

ROOT = Path(fpd_tf.__file__).parent
ROOMS = (  # top to bottom: a room imports from rooms above it only
    *("errors", "settings", "files", "progress", "quiet", "sandbox", "shipped"),
    *(
        "joint_names",
        "joints",
        "joint_maps",
        "geometry",
        "codec",
        "data",
        "drawn",
        "models",
        "contract",
    ),
    *("predictors", "imports", "evaluation", "training", "inference", "export"),
    *("bundle", "demo", "doctor", "cli"),
)
NO_TENSORFLOW = [
    *("joints.py", "data/people.py", "data/mpii.py", "data/lsp.py", "drawn/layouts.py"),
    *("data/images.py", "drawn/figure.py", "drawn/picture.py", "evaluation/metrics.py"),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "models").glob("*.py"))),
    *("data/coco.py", "data/coco_json.py", "data/coco_joints.py", "data/coco_write.py"),
    *("data/yolo.py", "data/look.py", "joint_names.py", "evaluation/oks.py"),
    *("inference/contact_sheet.py", "training/losses.py"),
]
FIRST = (  # the public names of the first version: none of them goes away
    *("Sample", "JointSet", "MPII", "LSP", "load_mpii", "load_lsp", "synthesize"),
    *("DataConfig", "make_dataset", "encode_heatmaps", "decode_heatmaps"),
    *("stacked_hourglass", "PRESETS", "build_model", "model_cost", "joints_mse"),
    *("Distiller", "TrainConfig", "train", "distill", "pckh", "pck", "evaluate"),
    *("export_tflite", "PoseEstimator", "draw_pose"),
)
NO_KERAS = [
    *("joints", "data.people", "data.mpii", "data.lsp", "drawn.layouts", "codec"),
    *("geometry", "evaluation.metrics", "evaluation.oks", "errors", "data.coco"),
    *("data.yolo", "data.look", "inference.contact_sheet"),
]


def run_python(code: str, **environment: str) -> str:
    """What the code prints in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **environment},
    ).stdout


@pytest.mark.parametrize("name", fpd_tf.__all__)
def test_a_public_name_stands_where_the_package_says(name):
    value = getattr(fpd_tf, name)
    home = f"fpd_tf.{fpd_tf._HOMES[name]}"
    assert getattr(value, "__module__", home) in (home, "builtins")
    assert value is getattr(sys.modules[home], name)
    assert name in dir(fpd_tf)


def test_the_first_public_names_stay():
    assert set(FIRST) <= set(fpd_tf.__all__)


def test_a_type_checker_sees_every_public_name_in_its_home():
    seen = {}
    for node in ast.walk(ast.parse(Path(fpd_tf.__file__).read_text())):
        if isinstance(node, ast.ImportFrom) and room_of(node.module):
            for alias in node.names:
                assert alias.asname == alias.name  # a name to export again
                seen[alias.name] = node.module.removeprefix("fpd_tf.")
    assert seen == fpd_tf._HOMES
    assert ROOT.joinpath("py.typed").is_file()


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="fpd_tf.*has no attribute 'load_folders'"):
        fpd_tf.load_folders  # noqa: B018


def test_importing_loads_nothing_heavy_and_sets_no_variable():
    code = """
import json, os, sys
heavy = ("tensorflow_model_optimization", "tf_keras", "tensorflow", "keras", "cv2")
before = dict(os.environ)
import fpd_tf
print(json.dumps([[name for name in heavy if name in sys.modules],
                  dict(os.environ) == before]))
import fpd_tf.training.run
print(json.dumps([[name for name in heavy if name in sys.modules],
                  "TF_USE_LEGACY_KERAS" in os.environ]))
"""
    package, training = map(json.loads, run_python(code).splitlines())
    assert package == [[], True]
    assert {"tensorflow", "keras"} <= set(training[0]) <= {"tensorflow", "keras", "cv2"}
    assert training[1] is False


def test_rooms_that_serve_any_backend_run_where_no_tensorflow_is():
    code = f"""
import importlib, sys
for name in ("tensorflow", "keras", "tf_keras", "jax", "torch"):
    sys.modules[name] = None  # importing it fails
for name in {NO_KERAS}:
    importlib.import_module("fpd_tf." + name)
import numpy as np, fpd_tf
heatmaps, weights = fpd_tf.encode_heatmaps(np.array([[10.0, 20.0]]))
print(fpd_tf.decode_heatmaps(heatmaps)[0].round(3).tolist())
"""
    assert run_python(code).strip() == "[[10.0, 20.0]]"


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    names = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def of_the_package():
    return sorted(ROOT.rglob("*.py"))


def room_of(module: str) -> str:
    """The room of a module such as `fpd_tf.data.lsp`, "" where it is none of ours."""
    package, _, within = module.partition(".")
    return within.partition(".")[0] if package == "fpd_tf" else ""


def room_of_file(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_file_is_in_a_room():
    assert {room_of_file(path) for path in of_the_package()} == {"__init__", *ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_rooms_above_it_only(room):
    allowed = {"", *ROOMS[: ROOMS.index(room) + 1]}
    for path in of_the_package():
        if room_of_file(path) == room:
            assert set(map(room_of, imported(path))) <= allowed, path


@pytest.mark.parametrize("file", NO_TENSORFLOW)
def test_no_tensorflow_in_rooms_for_any_backend(file):
    tops = {name.partition(".")[0] for name in imported(ROOT / file)}
    assert not tops & {"tensorflow", "tf_keras", "tensorflow_model_optimization"}


def python_files():
    return sorted(
        path for path in ROOT.parent.glob("*/**/*.py") if ".venv" not in path.parts
    )


def test_nobody_writes_tf_dot_keras():
    for path in python_files():
        for node in nodes_of(path):
            if isinstance(node, ast.Attribute) and node.attr == "keras":
                assert getattr(node.value, "id", "") not in ("tf", "tensorflow"), path
        assert not any(name.startswith("tensorflow.keras") for name in imported(path))


def test_one_room_knows_the_optimization_toolkit():
    toolkit = "tensorflow_model_optimization"
    knowing = [path for path in of_the_package() if toolkit in imported(path)]
    assert knowing == [ROOT / "export" / "fine_tune.py"]
