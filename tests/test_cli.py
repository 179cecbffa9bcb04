import json
import sys

import cv2
import numpy as np
import pytest

from fpd_tf import cli
from fpd_tf.data.synthetic import synthesize
from fpd_tf.models.hourglass import stacked_hourglass

TINY = ("num_stacks=1", "num_features=8", "depth=1")
FAST = ("epochs=1", "data.input_size=32", "data.batch_size=5", "optimizer=adam")


@pytest.fixture
def run_fpd(monkeypatch, capfd):
    """Runs `fpd ARGUMENTS` in this process: (status, standard output, error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fpd", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code or 0, *capfd.readouterr()

    return run


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return synthesize(tmp_path_factory.mktemp("drawn") / "people", count=12, seed=1)


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "student.keras"
    stacked_hourglass(num_stacks=1, num_features=8, depth=1, input_size=32).save(path)
    return path


def settings(*pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def training(people, *more):
    tiny = settings(*(f"model.{pair}" for pair in TINY), *FAST)
    return ["--root", people, "--preset", "hourglass_4x32", *tiny, *more]


@pytest.mark.parametrize(
    "verb", [command.callback.__name__ for command in cli.app.registered_commands]
)
def test_every_verb_has_help_with_an_example(run_fpd, verb):
    status, out, _ = run_fpd(verb, "--help")
    assert status == 0 and f"Example: fpd {verb}" in out


def test_models_lists_parameters_and_operations(run_fpd, tmp_path):
    status, out, _ = run_fpd("models", "--json", tmp_path / "models.json")
    assert status == 0 and "3,332,032" in out and "9.34" in out
    listed = json.loads((tmp_path / "models.json").read_text())
    assert listed["hourglass_8x256"]["parameters"] == 25_434_112


def test_train_distill_resume_and_evaluate(run_fpd, people, tmp_path):
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    status, out, err = run_fpd("train", *training(people, "--out", teacher))
    assert status == 0, err
    assert "val_mean" in out and (teacher / "curves.png").is_file()
    assert json.loads((teacher / "scores.json").read_text())["metric"] == "PCKh@0.5"
    again = run_fpd("train", *training(people, "--out", teacher))
    assert again[0] == 2 and "it exists" in again[2]
    arguments = training(
        people, "--out", student, "--teacher", teacher / "student.keras"
    )
    status, out, err = run_fpd("distill", *arguments)
    assert status == 0 and "distillation_loss" in out, err
    status, _, err = run_fpd("distill", *arguments, "--resume")
    assert status == 0, err
    scores = tmp_path / "scores.json"
    status, out, err = run_fpd(
        *("evaluate", "--model", student / "student.keras", "--root", people),
        *("--flip-test", "--json", scores),
    )
    assert status == 0 and "PCKh@0.5" in out, err
    content = json.loads(scores.read_text())
    assert {"groups", "joints", "mean", "auc", "counts", "metric"} <= set(content)


def test_predict_writes_joints_in_pixels_and_drawings(run_fpd, student, tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((50, 80, 3), 90, np.uint8))
    status, out, err = run_fpd(
        *("predict", tmp_path / "photo.png", "--model", student, "--box", 5, 5, 40, 40),
        *("--out", tmp_path / "drawn", "--json", tmp_path / "joints.json"),
    )
    assert status == 0 and "of 16 joints" in out, err
    (record,) = json.loads((tmp_path / "joints.json").read_text())
    assert np.shape(record["joints"]) == (16, 3)
    assert (tmp_path / "drawn" / "photo.png").is_file()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("epochz=3", "epochz: expected a field of the recipe. Received: 3"),
        ("weight_decay=0.1", "expected optimizer=adamw where there is weight_decay"),
        ("epochs=three", "epochs: expected a valid integer"),
        ("data.sigma=-1", "data.sigma: expected greater than 0. Received: -1"),
        ("data.depth.more=1", "expected field=value of the recipe"),
        ("epochs", "expected field=value of the recipe"),
        ("model.breadth=3", "argument: expected one of"),
        ("preset=hourglas", "expected one of hourglass_8x256"),
        ("data.input_size=100", "input_size: expected a multiple of 64"),
    ],
)
def test_a_bad_setting_is_one_line_and_status_2(
    run_fpd, people, tmp_path, setting, said
):
    out = tmp_path / "run"
    status, _, err = run_fpd(
        "train",
        "--root",
        people,
        "--out",
        out,
        "--set",
        setting,
        "--validation",
        "none",
    )
    assert (status, err.count("\n")) == (2, 1) and said in err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "--model", "no.keras"], "--root: expected the folder"),
        (["evaluate", "--model", "no.keras", "--root", "nowhere"], "nowhere"),
        (["predict", "no.jpg", "--model", "no.tflite"], "no.tflite"),
        (["predict", "no.jpg"], "Missing option '--model'"),
        (["train", "--out", "x", "--data", "coco"], "coco"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(run_fpd, arguments, said):
    status, _, err = run_fpd(*arguments)
    assert (status, err.count("\n")) == (2, 1) and said in err


def test_a_model_of_other_joints_is_refused(run_fpd, student, shared_data):
    status, _, err = run_fpd(
        *("evaluate", "--model", student, "--data", "lsp"),
        *("--root", shared_data / "lspet", "--split", "1-4"),
    )
    assert status == 2 and "joints: expected the samples' 14 (lsp). Received: 16" in err


def test_a_teacher_of_other_joints_is_refused(run_fpd, student, shared_data, tmp_path):
    status, _, err = run_fpd(
        *("distill", "--teacher", student, "--data", "lsp", "--split", "1-8"),
        *training(
            shared_data / "lspet", "--out", tmp_path / "run", "--validation", "none"
        ),
    )
    assert status == 2 and "student.keras: heatmaps: expected the student's" in err
    assert not (tmp_path / "run").exists()
