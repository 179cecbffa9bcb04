import json
import runpy
import shutil
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from typer.main import get_command

from fpd_tf import cli
from fpd_tf.contract.pose_json import contract_path, read_contract
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.export import convert
from fpd_tf.export.convert import export_tflite
from fpd_tf.export.gate import export_gated
from fpd_tf.joints import JointSet

TINY = ("num_stacks=1", "num_features=8", "depth=1")
FAST = ("epochs=1", "data.input_size=32", "data.batch_size=5", "optimizer=adam")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return synthesize(tmp_path_factory.mktemp("drawn") / "people", count=12, seed=1)


@pytest.fixture(scope="module")
def many_people(tmp_path_factory):
    """As many for training as calibration asks for."""
    return synthesize(tmp_path_factory.mktemp("many") / "people", count=240, seed=1)


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """A convolution: here it is the verbs that are tested."""
    path = tmp_path_factory.mktemp("model") / "student.keras"
    image = keras.Input((32, 32, 3))
    keras.Model(image, keras.layers.Conv2D(16, 5, 4, "same")(image)).save(path)
    return path


def settings(*pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def training(people, *more):
    tiny = settings(*(f"model.{pair}" for pair in TINY), *FAST)
    return ["--root", people, "--preset", "hourglass_4x32", *tiny, *more]


@pytest.mark.parametrize("verb", get_command(cli.app).commands)
def test_every_verb_has_help_with_an_example(run_fpd, verb):
    status, out, _ = run_fpd(verb, "--help")
    assert status == 0 and f"Example: fpd {verb}" in out


def test_models_lists_parameters_and_operations(run_fpd, tmp_path):
    status, out, _ = run_fpd("models", "--json", tmp_path / "models.json")
    assert status == 0 and "3,332,032" in out and "9.34" in out
    listed = json.loads((tmp_path / "models.json").read_text())
    assert listed["hourglass_8x256"]["parameters"] == 25_434_112


@pytest.mark.slow
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


@pytest.mark.slow
def test_packed_people_train_and_score_as_their_photographs(
    run_fpd, people, student, tmp_path
):
    packed, train = tmp_path / "packed", ["--data", "packed", "--out", tmp_path / "run"]
    for split in ("train", "val"):
        from_mpii = ["--data", "mpii", "--root", people, "--split", split]
        status, said, error = run_fpd("pack", *from_mpii, "--out", packed)
        assert status == 0, error
    assert "val: 2 people, " in said
    status, _, error = run_fpd("train", *train, *training(packed))
    assert status == 0, error
    scores = []
    for data, root in (("mpii", people), ("packed", packed)):
        scores.append(tmp_path / f"{data}.json")
        given = ["--model", student, "--data", data, "--root", root]
        assert run_fpd("evaluate", *given, "--json", scores[-1])[0] == 0
    assert scores[0].read_text() == scores[1].read_text()
    (packed / "val" / "0000.tfrecord").write_bytes(b"")
    status, _, said = run_fpd("evaluate", *given)
    assert status == 2 and "0000.tfrecord: SHA-256: expected" in said
    status, _, said = run_fpd("pack", *from_mpii, "--out", packed)
    assert status == 2 and "it exists already" in said


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


def test_predict_draws_joints_of_ones_own_as_the_contract_names_them(run_fpd, tmp_path):
    """A network for five colours, a photograph with a dot of each."""
    star = JointSet("star", tuple("pgbyc"), (), ((0, 1), (3, 4)), {})
    image = keras.Input((64, 64, 3))
    find = keras.layers.Conv2D(5, 4, 4)
    network = keras.Model(image, find(image))
    colours = np.float32(
        [[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [0.5, 0.5, -1], [-1, 0.5, 0.5]]
    )
    find.kernel.assign(np.tile(colours.T / 16, (4, 4, 1, 1)))
    model = export_gated(network, tmp_path / "star.tflite", joint_set=star)
    at = {"r": (8, 8), "g": (52, 8), "b": (28, 52), "y": (8, 36), "c": (52, 36)}
    rgb = {"r": (1, 0, 0), "g": (0, 1, 0), "b": (0, 0, 1), "y": (1, 1, 0)}
    photo = np.zeros((64, 64, 3), np.uint8)
    for joint, (x, y) in at.items():
        photo[y : y + 4, x : x + 4] = 255 * np.array(rgb.get(joint, (0, 1, 1)))
    cv2.imwrite(str(tmp_path / "photo.png"), photo[..., ::-1])

    def predicted(out):
        status, said, err = run_fpd(
            *("predict", tmp_path / "photo.png", "--model", model, "--out", out),
            *("--box", 0, 0, 64, 64),
            *("--json", tmp_path / "joints.json"),
        )
        assert status == 0 and "5 of 5 joints" in said, err
        (record,) = json.loads((tmp_path / "joints.json").read_text())
        found = np.array(record["joints"])[:, :2]
        np.testing.assert_allclose(found, np.array(list(at.values())) + 1.5, atol=0.1)
        return cv2.imread(str(out / "photo.png"))

    between = np.s_[9, 30], np.s_[37, 30], np.s_[30, 18]  # r and g, y and c, r and b
    drawn = predicted(tmp_path / "drawn")
    assert [drawn[each].any() for each in between] == [True, True, False]
    contract_path(model).unlink()
    dots = predicted(tmp_path / "dots")
    assert [dots[each].any() for each in between] == [False, False, False]
    assert dots[9, 9].min() > 200  # a joint without a side is white


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("epochz=3", "epochz: expected a field of the recipe. Received: 3"),
        ("weight_decay=0.1", "expected optimizer=adamw where there is weight_decay\n"),
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
        (["evaluate", "--model", "no.keras"], "--root: give the folder of the"),
        (["evaluate", "--model", "no.keras", "--root", "nowhere"], "nowhere"),
        (["predict", "no.jpg", "--model", "no.tflite"], "no.tflite"),
        (["predict", "no.jpg"], "no.jpg: expected a whole photograph"),
        (["evaluate", "--root", "nowhere"], "Missing option '--model'"),
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
    assert status == 2 and "joints: expected those of the people, right_ankle" in err
    assert "Received: joint_0, joint_1" in err


def test_a_teacher_of_other_joints_is_refused(run_fpd, student, shared_data, tmp_path):
    status, _, err = run_fpd(
        *("distill", "--teacher", student, "--data", "lsp", "--split", "1-8"),
        *training(
            shared_data / "lspet", "--out", tmp_path / "run", "--validation", "none"
        ),
    )
    assert status == 2 and "student.keras: heatmaps: expected the student's" in err
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def tflite(student, tmp_path_factory):
    return export_tflite(student, tmp_path_factory.mktemp("file") / "student.tflite")


def test_export_writes_file_contract_and_report(run_fpd, student, people, tmp_path):
    run, out, report = tmp_path / "run", tmp_path / "s.tflite", tmp_path / "r.json"
    run.mkdir()
    model = shutil.copy(student, run / "student.keras")
    config = {"data": "mpii", "samples": 10}
    (run / "config.json").write_text(json.dumps(config))
    status, printed, err = run_fpd(
        *("export", "--model", model, "--out", out, "--root", people),
        *("--max-drop", 0.5, "--json", report, "--decode"),
    )
    assert status == 0, err
    assert (tmp_path / "s.joints.tflite").is_file()
    assert "CONV_2D" in printed and "heatmaps with the same argmax: 100.0" in printed
    contract = read_contract(tmp_path / "s.pose.json")
    assert contract.training_data == "mpii, 10 people"
    content = json.loads(report.read_text())
    assert content["comparison"]["drop"] == 0 and content["audit"]["problems"] == []
    mean = content["comparison"]["tflite"]["mean"]
    assert contract.scores["PCKh@0.5"] == pytest.approx(mean, abs=0.01)


def test_export_beyond_the_allowed_drop_writes_no_file(
    run_fpd, student, people, tmp_path
):
    out, report = tmp_path / "s.tflite", tmp_path / "r.json"
    status, printed, err = run_fpd(
        *("export", "--model", student, "--out", out, "--root", people),
        *("--max-drop", -1, "--json", report),
    )
    assert (status, err.count("\n")) == (1, 1) and "allowed are -1" in err
    assert "heatmap error" in printed
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.slow
def test_export_trains_on_under_int8(run_fpd, student, many_people, tmp_path):
    out, report = tmp_path / "s.tflite", tmp_path / "r.json"
    status, printed, err = run_fpd(
        *("export", "--model", student, "--out", out, "--root", many_people),
        *("--quantization", "qat", "--teacher", student, "--max-drop", 100),
        *settings("epochs=2", "data.input_size=32", "data.batch_size=20"),
        *("--sparsity", 0.5, "--decode", "--json", report),
    )
    assert status == 0 and "Epoch 2/2" in printed, err
    assert read_contract(tmp_path / "s.pose.json").model.weights == "int8"
    content = json.loads(report.read_text())
    assert content["audit"]["float_operators"] == []
    assert 0 < content["deflated"] < content["audit"]["size"]
    assert "comparison" in content and (tmp_path / "s.joints.tflite").is_file()


@pytest.mark.parametrize("io", ["uint8", "int8"])
def test_integer_ends_are_a_choice_and_an_audit_says_who_refuses_them(
    run_fpd, student, people, tmp_path, io
):
    out = tmp_path / "s.tflite"
    status, printed, err = run_fpd(
        *("export", "--model", student, "--out", out, "--root", people),
        *("--quantization", "int8", "--io", io, "--few-people"),
    )
    refusing = {"uint8": "kotlin_compiled_model", "int8": "litert_js"}[io]
    said = f"{refusing} refuses it: `image` is {io}"
    assert status == 0 and said in printed and out.is_file(), err
    status, _, err = run_fpd("audit", out)
    assert (status, err.count("\n")) == (1, 1) and f"s.tflite: {said}" in err


def test_check_passes_a_float_file(run_fpd, tflite, tmp_path):
    report = tmp_path / "audit.json"
    status, printed, err = run_fpd("audit", tflite, "--json", report)
    assert status == 0 and not err and "litert_js loads it" in printed, err
    audit = json.loads(report.read_text())["audit"]
    assert audit["inputs"][0]["shape"] == [1, 32, 32, 3] and audit["is_static"]


def test_ranges_name_tensors_and_photographs(run_fpd, student, many_people, tmp_path):
    picture, report = tmp_path / "ranges.png", tmp_path / "ranges.json"
    status, printed, err = run_fpd(
        *("ranges", "--model", student, "--out", picture, "--root", many_people),
        *("--json", report),
    )
    assert status == 0 and picture.stat().st_size > 1000, err
    assert "widest ranges on 200 images" in printed
    content = json.loads(report.read_text())
    assert content["tensors"][0]["name"] == "image"
    assert content["tensors"][0]["largest"] <= 1


def test_benchmark_times_files_in_turn(run_fpd, tflite, tmp_path):
    times = tmp_path / "times.json"
    status, printed, err = run_fpd(
        *("benchmark", tflite, tflite, "--rounds", 1, "--runs", 2, "--json", times)
    )
    assert status == 0 and "1.00 (1.00-1.00)" in printed, err
    first, second = json.loads(times.read_text())
    assert first["timings"]["1"]["ratio"] == 1 and second["timings"]["2"]["median"] > 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "s.keras"],
        ["--out", "s.tflite"],
        ["--model", "s.keras", "--check", "s.tflite"],
        ["--model", "s.keras", "--out", "s.tflite", "--ranges", "r.png"],
    ],
)
def test_export_needs_one_thing_to_do(run_fpd, arguments):
    status, _, err = run_fpd("export", *arguments)
    assert (status, err.count("\n")) == (2, 1) and "give --model FILE and --out" in err


@pytest.mark.slow
def test_variants_are_compared_in_a_new_folder(run_fpd, student, many_people, tmp_path):
    out = tmp_path / "variants"
    arguments = ("variants", "--model", student, "--out", out, "--data", "mpii")
    status, printed, err = run_fpd(*arguments, "--root", many_people)
    assert status == 0 and "int16x8" in printed and "network" in printed, err
    rows = json.loads((out / "variants.json").read_text())
    assert list(rows) == list(convert.QUANTIZATIONS)
    assert rows["none"]["argmax_agreement"] == 100
    assert rows["none"]["benchmark"]["timings"]["1"]["ratio"] == 1
    for name in rows:
        contract = read_contract(out / f"student.{name}.pose.json")
        assert contract.scores["AUC"] == round(rows[name]["tflite"]["auc"], 2)
    assert (out / "variants.png").is_file()
    status, _, err = run_fpd(*arguments, "--root", many_people)
    assert status == 2 and "it exists already" in err


@pytest.mark.parametrize("script", ["convert", "benchmark"])
def test_the_scripts_are_verbs_under_another_name(script, monkeypatch, capfd):
    path = Path(__file__).parents[1] / "tflite" / f"{script}.py"
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(path), run_name="__main__")
    verb = {"convert": "export", "benchmark": "benchmark"}[script]
    assert not stop.value.code and f"Example: fpd {verb}" in capfd.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ranges", "r.png", "--max-drop", 1],
        ["--variants", "v", "--decode"],
        ["--out", "s.tflite", "--decode", "--quantization", "int8", "--io", "uint8"],
        ["--out", "s.tflite", "--quantization", "int8", "--teacher", "t.keras"],
        ["--out", "s.tflite", "--set", "epochs=1"],
        ["--variants", "v", "--sparsity", 0.5],
    ],
)
def test_options_of_the_export_that_do_not_fit_are_refused(run_fpd, arguments):
    status, _, err = run_fpd("export", "--model", "s.keras", *arguments)
    assert status == 2 and err.splitlines()[-1].endswith(" only")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["export", "--check", "none.tflite"], "audit FILE"),
        (["bundle", "--check", "none"], "audit FOLDER"),
        (["bundle", "--serve", "none"], "serve FOLDER"),
        (
            ["export", "--model", "none.keras", "--ranges", "none.png"],
            "ranges --model FILE --out PICTURE",
        ),
        (
            ["export", "--model", "none.keras", "--variants", "none"],
            "variants --model FILE --out FOLDER",
        ),
    ],
)
def test_an_option_that_is_a_verb_now_says_so_in_a_line(run_fpd, old, new):
    status, _, err = run_fpd(*old)
    moved, refused = err.splitlines()
    assert status == 2 and moved.startswith(f"fpd: `fpd {old[0]} --")
    assert f"is `fpd {new}` now; the option will be removed" in moved
    assert refused.startswith("fpd: none") or "--root" in refused


@pytest.mark.parametrize(
    "verb, asked",
    [(["variants"], "fpd variants"), (["export", "--max-drop", 1], "--max-drop")],
)
def test_what_is_scored_needs_people_held_out(
    run_fpd, student, people, tmp_path, verb, asked
):
    """Where nobody is held out, a limit would be kept by not looking."""
    given = ["--model", student, "--out", tmp_path / "s.tflite", "--root", people]
    status, _, err = run_fpd(*verb, *given, "--validation", "none")
    assert status == 2 and f"--validation: is none, but {asked} needs people" in err
    assert not (tmp_path / "s.tflite").exists()


def test_int8_of_few_people_is_a_choice(run_fpd, student, people, tmp_path):
    out = tmp_path / "s.tflite"
    given = ["--model", student, "--out", out, "--root", people]
    status, _, err = run_fpd("export", *given, "--quantization", "int8")
    assert status == 2 and "at least 200 people to calibrate on" in err
    status, _, err = run_fpd("export", *given, "--quantization", "int8", "--few-people")
    assert status == 0 and read_contract(tmp_path / "s.pose.json"), err
    given = ["--model", student, "--out", tmp_path / "s.png", "--root", people]
    status, _, err = run_fpd("ranges", *given)
    assert status == 2 and "or --few-people" in err
    assert run_fpd("ranges", *given, "--few-people")[0] == 0
