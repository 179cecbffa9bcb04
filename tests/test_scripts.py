"""The scripts of benchmarks/, studies/ and tools/ start, and the studies run."""

import csv
import importlib
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer import Typer
from typer.main import get_command

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.models.keras_file import load_network, named_network, save_network
from fpd_tf.training.digests import digest_of_teachers
from fpd_tf.training.joint_teacher import JointTeacher
from studies import ablate, label_offset, study

ROOT = Path(__file__).resolve().parents[1]
TINY = {"num_stacks": 1, "num_features": 8, "depth": 1, "stem_width": 8}
SCRIPTS = [
    f"{folder}.{path.stem}"
    for folder in ("benchmarks", "studies", "tools")
    for path in sorted(ROOT.joinpath(folder).glob("*.py"))
    if "typer.run(main)" in path.read_text()
]

PAGES = [
    page
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
    if "python -m " in page.read_text()
]


def command(name):
    """A script's function `main` as the command that it is."""
    app = Typer()
    app.command()(importlib.import_module(name).main)
    return get_command(app)


def run(name, *arguments):
    command(name)([str(each) for each in arguments], standalone_mode=False)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_has_a_command_line(name, capsys):
    run(name, "--help")
    assert "Usage:" in capsys.readouterr().out


def test_a_student_without_aims_is_not_shipped(tmp_path):
    """Said before anything is read: none of the folders exists."""
    folders = [tmp_path / name for name in ("run", "lspet", "coco")]
    with pytest.raises(InputError, match="NAME: expected one of pose-.* Rec.*: pose-x"):
        run("tools.ship", folders[0], "pose-x", *folders[1:])
    assert list(tmp_path.iterdir()) == []


def documented(page):
    """`python -m studies.NAME ...` in a page's text and code, split into words."""
    joined = page.read_text().replace("\\\n", " ")
    said = re.findall(r"`python -m ([^`]+)`|^ {4}python -m (.+)$", joined, re.MULTILINE)
    return [shlex.split("".join(either)) for either in said]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_documented_commands_are_commands(page):
    for name, *arguments in documented(page):
        command(name).make_context(name, arguments)


def test_scripts_import_from_scripts_above_them_only():
    """Speed knows nothing of studies, and both nothing of releases."""
    below = {"benchmarks": ("studies", "tools"), "studies": ("tools",)}
    for folder, others in below.items():
        for path in ROOT.joinpath(folder).glob("*.py"):
            for other in others:
                assert f"from {other}." not in path.read_text(), path


@pytest.fixture(scope="module")
def lspet(tmp_path_factory):
    return fpd.synthesize(tmp_path_factory.mktemp("data") / "lspet", "lspet", count=50)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A network that names its joints, for 64 px."""
    network = fpd.stacked_hourglass(num_joints=14, input_size=64, **TINY)
    path = tmp_path_factory.mktemp("teacher") / "student.keras"
    save_network(named_network(network, fpd.LSP), path)
    return path


def test_moved_labels_lie_a_tenth_to_a_third_of_the_box_away():
    truth, known = np.full((14, 2), 50.0), np.ones(14, bool)
    person = fpd.Sample(Path("a.jpg"), truth, known, known, Box(50, 50, 30))
    people = fpd.People([person] * 50, fpd.LSP)
    moved = ablate.moved(people, 0.4, np.random.default_rng(0))
    steps = np.linalg.norm(moved.joints - truth, axis=-1)
    assert 0.35 < (steps > 0).mean() < 0.45
    assert steps[steps > 0].min() >= 2.999 and steps.max() <= 10.001
    assert moved.boxes == people.boxes and moved.joint_set is fpd.LSP


def test_missing_labels_are_a_third_and_few_are_the_first_two_thousand():
    truth, known = np.full((14, 2), 50.0), np.ones(14, bool)
    person = fpd.Sample(Path("a.jpg"), truth, known, known, Box(50, 50, 30))
    people = fpd.People([person] * 8000, fpd.LSP)
    base = study.Study(Path("runs"), people, people, epochs=6)
    thinned = next(ablate.missing(0, None, base)).people
    assert 0.66 < thinned.annotated.mean() < 0.673
    alone, beside = ablate.few(3, "teacher.tflite", base)
    assert (alone.settings, beside.settings) == (("epochs=24",), ("epochs=12",))
    assert len(alone.people) == len(beside.people) == 2000
    assert len(beside.unlabelled) == 6000 and not beside.unlabelled.annotated.any()
    assert (alone.teacher, alone.unlabelled) == (None, None)


def test_trials_of_a_question_are_paired_by_seed_and_named_once():
    people = fpd.People((), fpd.LSP)
    base = study.Study(Path("runs"), people, people)
    for question, trials in ablate.QUESTIONS.items():
        made = [trial for seed in (0, 1) for trial in trials(seed, None, base)]
        names = [trial.name for trial in made]
        assert len(set(names)) == len(names) >= 4, question
        assert all(trial.seed % ablate.FURTHER == int(trial.name[-1]) for trial in made)


def test_a_trial_of_another_teacher_is_not_taken_for_this_one(teacher, tmp_path):
    people = fpd.People((), fpd.LSP)
    base = study.Study(tmp_path, people, people)
    trial = study.Trial("teacher-0", teacher=load_network(teacher))
    settings = "epochs=6 data.seed=0"
    kept = {"settings": settings, "teacher": digest_of_teachers([trial.teacher])}
    (tmp_path / "teacher-0").mkdir()
    row = tmp_path / "teacher-0" / "row.json"
    row.write_text(json.dumps(kept))
    assert base.run(trial) == {"settings": settings}
    with pytest.raises(InputError, match="row.json: teacher: the run had another"):
        base.run(study.Trial("teacher-0", teacher=JointTeacher((teacher,), "turned")))
    row.write_text(json.dumps({"settings": settings}))  # of an older version
    assert base.run(trial) == {"settings": settings}


def test_a_network_at_another_size_keeps_weights_and_joints(teacher, tmp_path):
    run("studies.at_size", teacher, 128, tmp_path / "large.keras")
    small, large = load_network(teacher), load_network(tmp_path / "large.keras")
    assert large.input_shape == (None, 128, 128, 3)
    assert large.joint_set == fpd.LSP
    for one, other in zip(small.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_labels_that_lie_beside_are_measured_in_pixels_and_in_shares():
    known = np.ones(14, bool)
    truth = np.zeros((14, 2))
    truth[[fpd.LSP.index(name) for name in label_offset.HIPS]] = 0, 20
    small, large = (
        fpd.Sample(Path("a.jpg"), truth, known, known, Box(0, 0, side))
        for side in (50, 200)
    )
    people = fpd.People([small, large], fpd.LSP)
    found = people.joints + np.array([[[1.0, -2.0]], [[2.0, 1.0]]])
    found[0, :7] += 6  # too far from their labels
    found[:, fpd.LSP.index("neck")] += 1  # no limb
    kinds = label_offset.kinds(people, found)
    assert [who.tolist() for who in kinds.values()] == [
        *([True, True], [True, False], [False, True], [True, True], [False, False])
    ]
    count, pixels, shares = label_offset.offset(people, found, kinds["small"])
    assert (count, pixels.tolist(), shares.tolist()) == (5, [1, -2], [2, -4])
    count, pixels, shares = label_offset.offset(people, found, kinds["large"])
    assert (count, pixels.tolist(), shares.tolist()) == (12, [2, 1], [1, 0.5])
    assert np.isnan(label_offset.offset(people, found, kinds["below"])[1]).all()


def test_an_interval_is_students_of_the_mean():
    gains = np.array([0.4, 0.8, 1.2])  # mean 0.8, deviation 0.4, t 4.303
    assert ablate._interval(gains) == "-0.19 to +1.79"
    assert ablate._interval(gains[:1]) == ""


@pytest.mark.slow
def test_an_ablation_runs_once_and_is_drawn(
    lspet, teacher, tmp_path, monkeypatch, capsys
):
    tiny = tuple(f"model.{name}={value}" for name, value in TINY.items())
    monkeypatch.setattr(study, "STUDENT", (*study.STUDENT, *tiny))
    out, folder = tmp_path / "distillation.csv", tmp_path / "runs"
    options = ["--folder", folder, "--seeds", 1, "--epochs", 1, "--size", 64]
    question = ["distillation", lspet, "--teacher", teacher, "--out", out, *options]
    run("studies.ablate", *question)
    assert "95% interval" in capsys.readouterr().out
    first = out.read_text()
    rows = list(csv.DictReader(first.splitlines()))
    assert [row["trial"] for row in rows] == [
        *("truth-0", "teacher-0", "further-truth-0", "further-teacher-0")
    ]
    monkeypatch.setattr(fpd.training.run, "train", None)  # nothing is trained again
    run("studies.ablate", *question)
    assert out.read_text() == first
    run("tools.pictures", tmp_path)
    assert out.with_suffix(".png").is_file()


@pytest.mark.slow
def test_an_ablation_has_a_teacher_that_predicts_joints(
    lspet, teacher, tmp_path, monkeypatch
):
    tiny = tuple(f"model.{name}={value}" for name, value in TINY.items())
    monkeypatch.setattr(study, "STUDENT", (*study.STUDENT, *tiny))
    foreign, out = tmp_path / "teacher.tflite", tmp_path / "repair.csv"
    fpd.export_tflite(teacher, foreign)
    options = ["--folder", tmp_path / "runs", "--seeds", 1, "--epochs", 1, "--size", 64]
    options += ["--teacher", foreign, "--views", "upright", "--out", out]
    run("studies.ablate", "repair", lspet, *options)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    trials = ["truth-0", "teacher-0", "repaired-truth-0"]
    assert [row["trial"] for row in rows] == trials


@pytest.mark.slow
def test_studies_of_a_trained_network_run(lspet, teacher, tmp_path, capsys):
    run("studies.decoding", teacher, lspet)
    run("studies.without_box", teacher, lspet)
    run("studies.worst", teacher, lspet, "--out", tmp_path / "worst.jpg", "--count", 3)
    kept = "--kept", tmp_path / "kept"
    run("studies.seen_clearly", teacher, lspet, *kept)
    run("studies.seen_clearly", teacher, teacher, lspet, "--views", "upright", *kept)
    run("studies.labels_held", teacher, lspet, "--views", "upright", *kept)
    run("studies.box_scale", teacher, lspet)
    run("studies.label_offset", teacher, lspet)
    printed = capsys.readouterr().out
    assert "0.25 to 0.5" in printed and "'filled_joints':" in printed
    assert "1.25 " in printed and "right, px" in printed
    assert "parabola" in printed and "given the box" in printed
    assert (tmp_path / "worst.jpg").is_file()
