import json

import cv2
import numpy as np
import pytest
from PIL import Image

from fpd_tf.data.people import People, Sample
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.inference.draw import LEFT, RIGHT
from fpd_tf.inference.sheet import SIDE
from fpd_tf.inference.teacher_sheet import teacher_sheet
from fpd_tf.joints import JointSet

NAMES = ("right_arm", "left_arm", "right_leg", "left_leg")
BODY = JointSet("body", NAMES, ((0, 1), (2, 3)))
SEEN = np.array([(60.0, 60), (120, 60), (60, 120), (120, 120)])


@pytest.fixture
def people(tmp_path):
    """One person as the teacher sees it, and one who is mirrored."""
    path = tmp_path / "<green>.png"
    Image.new("RGB", (200, 150), (0, 130, 0)).save(path)
    known = np.ones(4, bool)
    joints = SEEN, SEEN[BODY.flip_order]
    box = Box(90, 70, 100)
    return People([Sample(path, each, known, known, box) for each in joints], BODY)


def seen():
    return np.stack([SEEN] * 2), np.ones((2, 4))


def test_labels_stand_left_and_what_the_teacher_sees_right(people, tmp_path):
    joints, scores = seen()
    facts = teacher_sheet(people, joints, scores, tmp_path / "sheet.png")
    assert list(facts.disputed) == [1]
    sheet = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    crop = sheet[8 : 8 + SIDE, 8 : 8 + 2 * SIDE]
    x, y = np.rint((SEEN[0] - (90, 70)) * SIDE / 115 + (SIDE - 1) / 2).astype(int)
    assert crop[y, x].tolist() == list(LEFT)
    assert crop[y, SIDE + x].tolist() == list(RIGHT)


def test_joints_that_the_teacher_is_not_sure_of_are_not_drawn(people, tmp_path):
    joints, scores = seen()
    people = People([people[1]] * 2, BODY)
    six = np.concatenate([joints, joints[:, :1] - 40], axis=1)
    body = JointSet("more", (*NAMES, "tail"), BODY.flip_pairs)
    known = np.ones(5, bool)
    labels = np.concatenate([people[0].joints, [[90.0, 90]]])
    one = Sample(people[0].image_path, labels, known, known, people[0].box)
    unsure = np.concatenate([scores, [[0.4], [0.4]]], axis=1)
    teacher_sheet(People([one] * 2, body), six, unsure, tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    right = sheet[8 : 8 + SIDE, 8 + SIDE : 8 + 2 * SIDE]
    assert (right == LEFT).all(axis=-1).any()
    assert not (right == (240, 236, 228)).all(axis=-1).any()  # the tail's white


def test_a_page_counts_kinds_and_escapes_names(people, tmp_path):
    teacher_sheet(people, *seen(), tmp_path / "sheet.html")
    page = (tmp_path / "sheet.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 1
    assert "left and right are mirrored" in page
    assert "<td>1</td>" in page and "wrong person" in page
    assert "&lt;green&gt;.png" in page and "<green>" not in page


def test_a_sheet_of_nobody_who_disagrees_and_of_nobody(people, tmp_path):
    joints, scores = seen()
    for kind in ("png", "html"):
        out = tmp_path / f"sheet.{kind}"
        teacher_sheet(people[:1], joints[:1], scores[:1], out)
        assert out.is_file()
    with pytest.raises(InputError, match="own people: has no people to look at"):
        teacher_sheet(people.of([]), joints[:0], scores[:0], tmp_path / "none.png")
    with pytest.raises(InputError, match="sheet.pdf: expected a .html or a .png file"):
        teacher_sheet(people, joints, scores, tmp_path / "sheet.pdf")


def test_the_command_shows_labels_against_a_teacher(run_fpd, movenet_file, tmp_path):
    synthesize(tmp_path / "drawn", "lspet", count=12)
    data = "look", "--data", "lsp", "--root", tmp_path / "drawn"
    out, facts = tmp_path / "sheet.html", tmp_path / "facts.json"
    more = "--teacher", movenet_file, "--views", "upright", "--json", facts
    status, said, error = run_fpd(*data, "--out", out, *more)
    assert status == 0 and "mirrored" in said, error
    assert "sheet.html: labels of" in said
    assert json.loads(facts.read_text())["people"] == 11
    assert len(list((tmp_path / "teacher-cache").glob("*/*.npz"))) == 1
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"nothing")
    for given, refusal in (
        (("--views", "upright"), "--views: needs --teacher"),
        (("--teacher", bad), "bad.tflite: expected a .tflite file"),
        (("--teacher", tmp_path / "gone.keras"), "gone.keras"),
    ):
        status, _, error = run_fpd(*data, "--out", tmp_path / "other.html", *given)
        assert status == 2 and refusal in error and error.count("\n") == 1, error
        assert not (tmp_path / "other.html").exists()
