"""Files of other kinds on the same people: which joints count, and what they score."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from fpd_tf.contract.rules import rules_for
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.evaluation.compare import _with_views, compare
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.geometry import Box
from fpd_tf.joints import COCO, LSP, JointSet
from fpd_tf.models.keras_file import named_network, save_network
from fpd_tf.predictors.blazepose import UprightPredictor
from fpd_tf.predictors.predictor import Predictor


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Two people: left joints are red, right ones green; of one, half of that is so."""
    folder = tmp_path_factory.mktemp("people")
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[5, 8, 0] = pixels[25, 20, 1] = 255
    Image.fromarray(pixels).save(folder / "one.png")
    joints = np.array(
        [[8, 5] if name.startswith("left") else [20, 25] for name in LSP.joints], float
    )
    known = np.ones(14, bool)
    box = Box(15.5, 15.5, 32)
    right = Sample(folder / "one.png", joints, known, known, box)
    wrong = joints.copy()
    wrong[[LSP.index(f"left_{part}") for part in ("knee", "ankle", "wrist")]] = 31, 31
    return People([right, replace(right, joints=wrong)], LSP, "pck")


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """A network of LSP's joints that knows nothing."""
    image = keras.Input((32, 32, 3), name="image")
    heatmaps = keras.layers.Conv2D(14, 4, 4, kernel_initializer="zeros")(image)
    path = tmp_path_factory.mktemp("student") / "student.keras"
    save_network(named_network(keras.Model(image, heatmaps), LSP), path)
    return path


def test_scores_are_over_the_joints_that_all_files_have(people, movenet_file, student):
    alone = compare([student], people)
    assert alone.joints == tuple(LSP.joints[joint] for joint in LSP.scored)
    both = compare([movenet_file, student], people)
    limbs = {name for name in LSP.joints if name in COCO.joints}
    assert len(limbs) == 12 and set(both.joints) == limbs
    movenet, ours = both.files
    assert (movenet.name, movenet.joints, ours.joints) == ("movenet.tflite", 17, 14)
    assert movenet.score == pytest.approx(100 * (24 - 3) / 24)
    assert ours.score < 60 and both.metric == "PCK@0.2" and both.people == 2
    assert movenet.size == movenet_file.stat().st_size and ours.milliseconds > 0


def test_files_are_shown_the_views_of_a_teacher_and_vote(people, movenet_file, student):
    alone = compare([movenet_file, student], people, "upright").files
    assert [each.name for each in alone] == ["movenet.tflite", "student.keras"]
    assert alone[0].score == pytest.approx(100 * (24 - 3) / 24)
    again = compare([movenet_file, student], people, "upright", vote=True).files
    assert [each.score for each in again[:2]] == [each.score for each in alone]
    voted = again[2]
    assert (voted.name, voted.joints) == ("all files, voted", 19)
    assert voted.size == sum(each.size for each in alone)
    assert voted.score == alone[0].score  # the student's heatmaps are zero


def test_an_upright_network_is_turned_by_the_other_files(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "fpd_tf.evaluation.compare.voted",
        lambda *what, **how: calls.append((what, how)),
    )
    about = COCO, rules_for(COCO), None
    plain, upright = Predictor("plain", 32, *about), UprightPredictor("up", 32, *about)
    for each in (plain, upright):
        _with_views(each, [plain, upright], "turned")
    assert calls == [
        (([plain], "turned"), {"only": plain}),
        (([plain, upright], "turned"), {"only": upright}),
    ]


@pytest.mark.parametrize(("views", "files"), [(None, 2), ("upright", 1)])
def test_a_vote_needs_views_and_two_files(people, student, views, files):
    with pytest.raises(InputError, match="^vote: it needs two files or more"):
        compare([student] * files, people, views, vote=True)


def test_files_of_one_name_are_told_apart_by_their_paths(people, student, tmp_path):
    other = shutil.copy(student, tmp_path)
    names = [each.name for each in compare([student, other], people).files]
    assert names == [str(student), str(other)]


def test_files_that_cannot_be_compared_are_refused(people, student):
    for files, received in (([], "none"), ("a.tflite", "'a.tflite'")):
        said = f"files: expected a list of one or more. Received: {received}$"
        with pytest.raises(InputError, match=said):
            compare(files, people)
    with pytest.raises(InputError, match="files: expected names of .*Sequential"):
        compare([keras.Sequential()], people)
    tail = JointSet("tail", ("tip",), groups={"Tail": (0,)})
    known = np.ones(1, bool)
    one = Sample(people[0].image_path, np.zeros((1, 2)), known, known, people[0].box)
    with pytest.raises(
        InputError, match="student.keras: joints: expected those of the people, tip"
    ):
        compare([student], People([one], tail, "pck@box"))
    headless = [
        replace(person, annotated=person.annotated & (np.arange(14) > 11))
        for person in people
    ]
    with pytest.raises(InputError, match="no person can be scored by the joints in"):
        compare([student], people.of(headless))


def test_the_verb_prints_a_table_and_draws_a_plot(run_fpd, movenet_file, tmp_path):
    from fpd_tf.drawn.layouts import synthesize

    root = synthesize(tmp_path / "people", "lspet", count=12)
    plot, report = tmp_path / "plot.png", tmp_path / "report.json"
    where = "--data", "lsp", "--root", root, "--plot", plot, "--json", report
    status, _, error = run_fpd("compare", movenet_file, *where[:4], "--vote")
    assert (status, error.count("\n")) == (2, 1)
    assert "vote: it needs two files or more, and views" in error
    where += "--views", "mirrored"
    status, out, error = run_fpd("compare", movenet_file, *where)
    assert status == 0, error
    assert "12 joints in common" in out and "movenet.tflite" in out
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert json.loads(report.read_text())["files"][0]["joints"] == 17


def test_evaluate_scores_other_joints_by_name(people, movenet_file):
    scores = evaluate(movenet_file, people).scores
    assert scores.mean == pytest.approx(100 * (24 - 3) / 24)
    assert np.isnan(scores.joints["neck"]) and scores.counts["head_top"] == 0
    assert scores.joints["left_knee"] == 50 and scores.joints["right_knee"] == 100
