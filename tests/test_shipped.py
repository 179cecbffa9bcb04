"""Students that are shipped, and their names in place of files."""

import keras
import numpy as np
import pytest

from fpd_tf.bundle.folders import bundle
from fpd_tf.data.lsp import load_lsp
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.errors import InputError
from fpd_tf.export.audit import audit_tflite
from fpd_tf.export.benchmark import benchmark
from fpd_tf.export.compare import compare_with_network
from fpd_tf.models.keras_file import load_network
from fpd_tf.predictors.load import load_predictor
from fpd_tf.shipped import model_file, shipped
from fpd_tf.training.joint_teacher import JointTeacher

LITE = "pose-lite.int8.tflite"


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        ("pose-lite", "int8.tflite", LITE),
        ("pose-lite.int8", "int8.tflite", LITE),
        ("pose-lite.float16", "int8.tflite", "pose-lite.float16.tflite"),
        ("pose-lite", "keras", "pose-lite.keras"),
    ],
)
def test_a_name_stands_for_a_file_of_the_student(given, kind, name):
    assert model_file(given, kind) == shipped(f"models/{name}")


@pytest.mark.parametrize(
    ("given", "kind", "known"),
    [
        ("pose-lite.float32.int8", "int8.tflite", "pose-lite, pose-lite.float16, "),
        ("pose-lite.float16", "keras", "pose-lite, pose-small. Received: neither"),
    ],
)
def test_a_kind_that_there_is_not_is_refused(given, kind, known):
    with pytest.raises(InputError, match=f"^{given}: .*a shipped student: {known}"):
        model_file(given, kind)


def test_files_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(model_file("pose-lite.tflite")) == "pose-lite.tflite"
    (tmp_path / "pose-lite").touch()
    assert str(model_file("pose-lite")) == "pose-lite"


@pytest.mark.parametrize(
    "opened",
    [
        *(load_predictor, load_network, audit_tflite, model_file),
        lambda name: benchmark([name]),
        lambda name: bundle(name, "bundle"),
        lambda name: bundle("pose-lite", "bundle", [name]),
        lambda name: JointTeacher((name,), "upright"),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_are_known(
    opened, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    said = r"^runs/pose-lit: expected a file such as student\.(tflite|keras), or a "
    said += r"shipped student: pose-lite, (.*, )?pose-small.* Received: neither$"
    with pytest.raises(InputError, match=said):
        opened("runs/pose-lit")
    assert list(tmp_path.iterdir()) == []


def test_networks_are_opened_by_their_names():
    predictor = load_predictor("pose-lite")
    assert predictor.name.endswith(LITE) and predictor.rules.score.presence > 0.2
    assert isinstance(load_network("pose-lite"), keras.Model)
    assert audit_tflite("pose-lite").size == shipped(f"models/{LITE}").stat().st_size
    teachers = JointTeacher(("pose-lite", "other.tflite"), "upright").teachers
    assert [each.name for each in teachers] == ["pose-lite.keras", "other.tflite"]
    assert JointTeacher((None,), "upright").teachers == (None,)


def test_a_network_to_compare_files_with_is_the_keras_one(tmp_path):
    """Not the int8 file, of which the name stands elsewhere."""
    people = load_lsp(synthesize(tmp_path / "lspet", "lspet", count=12), "val")
    file = shipped("models/pose-lite.float16.tflite")
    (comparison,) = compare_with_network("pose-lite", [file], people)
    assert comparison.argmax_agreement > 99.5


def test_a_score_says_whose_it_is(run_fpd, tmp_path):
    root = synthesize(tmp_path / "lspet", "lspet", count=12)
    people = "--data", "lsp", "--root", root
    status, said, _ = run_fpd("evaluate", "--model", "pose-lite.float16", *people)
    assert status == 0 and "pose-lite.float16.tflite" in said


def test_verbs_take_the_names(run_fpd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photograph = shipped("web/example.jpg")
    status, said, _ = run_fpd("predict", photograph, "--model", "pose-lite")
    assert status == 0 and said.endswith(" of 14 joints\n")
    status, said, error = run_fpd("predict", photograph, "--model", "pose-lit")
    assert (status, said) == (2, "")
    assert error.startswith("fpd: pose-lit: ") and " pose-lite, pose-lite.fl" in error
    assert run_fpd("audit", "pose-lite")[0] == 0
    both = "--model", "pose-lite", "--model", "pose-small"
    status, said, _ = run_fpd("bundle", *both, "--out", "both")
    assert status == 0 and said == "both: valid; int8 model, 192 px, 14 joints\n"
    assert {each.name for each in tmp_path.glob("both/web/*.tflite")} == {
        *("pose.tflite", "pose-small.int8.tflite")
    }
    status, _, error = run_fpd("export", "--model", "pose-lit", "--out", "a.tflite")
    assert status == 2 and "pose-lite, pose-small" in error
    np.testing.assert_equal([each.name for each in tmp_path.iterdir()], ["both"])
