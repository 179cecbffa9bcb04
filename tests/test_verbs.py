"""What all verbs share: their inputs outlive them, and no traceback ends them."""

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from fpd_tf import cli
from fpd_tf.cli import predict
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.errors import InputError
from fpd_tf.files import check_apart

HELD = Path(__file__).with_name("golden")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model and a photograph, and a person who works there."""
    for name in ("tiny.tflite", "tiny.pose.json", "tiny.keras", "photo.png"):
        shutil.copy(HELD / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        "predict photo.png --model tiny.tflite --json photo.png",
        "predict photo.png --model tiny.tflite --json ./tiny.tflite",
        "predict a/../photo.png --model tiny.tflite --out photo.png",
        "predict . --model tiny.tflite --out .",
        "predict --video photo.png --out photo.png",
        "evaluate --model tiny.keras --root . --json tiny.keras",
        "benchmark tiny.tflite --json tiny.tflite",
        "export --model tiny.keras --out tiny.keras",
        "pack --root . --out .",
        "distill --teacher tiny.keras --out tiny.keras",
        "bundle --model tiny.tflite --out tiny.tflite",
        "predict photo.png --model tiny.tflite --json tiny.pose.json",
        "evaluate --model tiny.keras --json config.json",
        "predict a --model tiny.tflite --json a/one.png",
        "data --root a --out a/train.json",
        "look --root a --out a/one.png",
        "compare tiny.tflite --root a --plot a/one.png",
        "evaluate --model tiny.keras --root ./a --json a/../a/train.json",
        "export --model tiny.keras --root a --ranges a/one.png",
        "audit a --json a/train.json",
    ],
)
def test_an_output_that_is_an_input_is_refused(folder, run_fpd, arguments):
    (folder / "a").mkdir()
    shutil.copy("photo.png", "a/one.png")
    Path("a/train.json").write_text("[]")
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    status, _, said = run_fpd(*arguments.split())
    assert status == 2 and "it would replace " in said
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


@pytest.mark.parametrize(
    "arguments",
    [
        "predict photo.png --model tiny.tflite --out new.png --json ./new.png",
        "export --model tiny.keras --out new.tflite --json new.tflite",
        "export --model tiny.keras --out new.tflite --json new.pose.json",
        "compare tiny.tflite --root a --plot new.png --json new.png",
    ],
)
def test_two_outputs_of_one_name_are_refused(folder, run_fpd, arguments):
    status, _, said = run_fpd(*arguments.split())
    assert status == 2 and "another output of this command has this name" in said
    assert not list(folder.glob("new*"))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("", ".: it is a folder"),
        ("a", "a: it is a folder"),
        ("no/a.json", "no/a.json: it cannot be written: there is no folder no"),
        ("photo.png/a.json", "there is no folder photo.png"),
    ],
)
@pytest.mark.parametrize("verb", ["predict gone.png --json", "compare gone --plot"])
def test_a_place_that_is_none_is_said_before_the_work(
    folder, run_fpd, verb, place, said
):
    (folder / "a").mkdir()
    status, _, error = run_fpd(*verb.split(), place)
    assert (status, error.count("\n")) == (2, 1) and said in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "export --model tiny.keras --out new.tflite --max-drop nan",
            "--max-drop: give",
        ),
        (
            "export --model tiny.keras --out new.tflite --max-drop inf",
            "--max-drop: give",
        ),
        (
            "distill --teacher tiny.tflite --out new --views sideways",
            "'--views': 'sideways' is not one of 'upright', 'mirrored', 'turned'",
        ),
        (
            "train --data mpii --root a --out new --validation 10%",
            "--validation: a share such as 10% goes with --data coco and yolo only",
        ),
        (
            "predict photo.png --model tiny.tflite --threshold inf --out new",
            "threshold: expected a score, such as 0.2. Received: inf",
        ),
        ("predict --video a --model tiny.tflite --out new.csv", "a: it is a folder"),
        (
            "serve a --port 99999",
            "'--port': Input should be less than or equal to 65535",
        ),
        ("serve a --port -1", "'--port': Input should be greater than or equal to 0"),
        ("import gone.pth --out no/new.keras", "there is no folder no"),
        ("import a --out new.keras", "a: expected a PyTorch checkpoint. Received: a f"),
        (
            "evaluate --model tiny.tflite --data packed --root a --json new.json",
            "expected the manifest of `fpd pack`. Received: No such file or directory",
        ),
        ("train --root gone --out .", ".: it exists already; give the name of a new"),
        (
            "train --root gone --out a --resume",
            "a: config.json: no such file, so the",
        ),
        ("pack --root gone --out . --split photo.png", "photo.png: it exists already"),
        ("variants --model tiny.keras --root gone --out .", ".: it exists already"),
        ("look --root gone --out new.pdf", "new.pdf: expected a .html or a .png file"),
        ("data --root gone --out no/new.json", "there is no folder no"),
        (
            "export --model tiny.keras --quantization int8 --root gone --out new.bin",
            "new.bin: expected a name ending in .tflite",
        ),
        (
            "export --model tiny.keras --out new.tflite --io uint8",
            "--io uint8: goes with --out FILE and --quantization int8 or qat only",
        ),
    ],
)
def test_a_value_that_cannot_be_is_said_before_the_work(
    folder, run_fpd, arguments, said
):
    (folder / "a").mkdir()
    (folder / "a" / "notes.txt").touch()
    status, _, error = run_fpd(*arguments.split())
    assert (status, error.count("\n")) == (2, 1) and said in error, error
    assert not list(folder.glob("new*"))


def test_an_empty_metric_is_none_of_them(folder, run_fpd):
    synthesize("people", count=2)
    given = "evaluate --model tiny.tflite --data mpii --root people --metric".split()
    status, _, error = run_fpd(*given, "")
    assert status == 2 and "metric: expected one of pckh, pck, oks" in error


def test_what_is_written_beside_photographs_may_be_written_again(folder, run_fpd):
    Path("joints.json").write_text("of the last time")
    given = "predict . --model tiny.tflite --json joints.json --out drawn".split()
    assert run_fpd(*given)[0] == 0
    assert json.loads(Path("joints.json").read_text())[0]["path"] == "photo.png"


def test_a_link_to_an_input_is_the_input(folder):
    (folder / "link.png").symlink_to("photo.png")
    with pytest.raises(InputError, match="it would replace the input photo.png"):
        check_apart("link.png", ["tiny.keras", "photo.png"])
    check_apart("new.png", ["photo.png", "missing.png"])
    check_apart(None, ["photo.png"])


def test_a_console_with_few_letters_shows_any_name(folder, monkeypatch):
    shutil.move("photo.png", "\u5199\u771f.png")
    printed = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", printed)
    given = ["predict", "\u5199\u771f.png", "--model", "tiny.tflite"]
    monkeypatch.setattr(sys, "argv", ["fpd", *given])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed.flush()
    assert not stop.value.code
    assert b"\\u5199\\u771f.png: " in printed.buffer.getvalue()


def test_a_package_that_is_missing_is_named(folder, run_fpd, monkeypatch):
    def missing(model):
        raise ModuleNotFoundError("No module named 'keras'", name="keras")

    monkeypatch.setattr(predict, "_opened", missing)
    status, _, said = run_fpd("predict", "photo.png", "--model", "tiny.keras")
    assert status == 2
    assert said.startswith("fpd: needs the package keras: `pip install .` in the repo")


def test_an_error_of_the_system_names_its_file(folder, run_fpd, monkeypatch):
    def blocked(model):
        raise NotADirectoryError(20, "Not a directory", "a/b")

    monkeypatch.setattr(predict, "_opened", blocked)
    status, _, said = run_fpd("predict", "photo.png", "--model", "tiny.keras")
    assert (status, said) == (2, "fpd: a/b: Not a directory\n")


@pytest.mark.parametrize(("threshold", "found"), [(0.0, "16"), (1.0, "0")])
def test_the_models_own_threshold_counts(folder, run_fpd, threshold, found):
    contract = json.loads(Path("tiny.pose.json").read_text())
    contract["score"]["threshold"] = threshold
    Path("tiny.pose.json").write_text(json.dumps(contract))
    given = ["--model", "tiny.tflite", "--box", 0, 0, 64, 64]
    status, said, error = run_fpd("predict", "photo.png", *given)
    assert status == 0 and f"photo.png: {found} of 16 joints" in said, error


@pytest.mark.parametrize(
    "verb",
    [
        "compare tiny.tflite --root a --data lsp --plot",
        "ranges --model gone.keras --root a --data lsp --out",
    ],
)
@pytest.mark.parametrize("name", ["plot.xyz", "plot"])
def test_a_plot_of_no_known_format_is_said_before_the_work(folder, run_fpd, verb, name):
    status, _, said = run_fpd(*verb.split(), name)
    assert status == 2 and f"{name}: suffix: expected .jpg, .pdf, .png, .svg" in said
