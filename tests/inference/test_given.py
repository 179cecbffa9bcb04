import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.inference.estimator import PoseEstimator
from fpd_tf.inference.given import (
    box_within,
    chosen_threshold,
    pixels_of,
    read_boxes,
)
from fpd_tf.inference.photographs import predict_files
from fpd_tf.inference.track import Tracker
from fpd_tf.inference.video import predict_video

HELD = Path(__file__).parents[1] / "golden"
RGB = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
GREY = np.arange(6, dtype=np.uint8).reshape(2, 3)


def turned(image):
    """With the EXIF tag of a phone that was held upright."""
    image.getexif()[0x0112] = 6
    return image


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (RGB, RGB),
        (Image.fromarray(RGB), RGB),
        (turned(Image.fromarray(RGB)), np.rot90(RGB, -1)),
        (GREY, np.stack([GREY] * 3, -1)),
        (GREY[..., None], np.stack([GREY] * 3, -1)),
        (Image.fromarray(GREY), np.stack([GREY] * 3, -1)),
        (Image.fromarray(256 * GREY.astype(np.uint16)), np.stack([GREY] * 3, -1)),
    ],
)
def test_pictures_of_any_usual_kind_are_rgb_levels(picture, expected):
    np.testing.assert_array_equal(pixels_of(picture), expected)


@pytest.mark.parametrize(
    ("picture", "received"),
    [
        (RGB / np.float32(255), r"float32 of shape \(2, 3, 3\)"),
        (RGB.astype(np.uint16), r"uint16 of shape \(2, 3, 3\)"),
        (RGB.astype(int), r"int64 of shape \(2, 3, 3\)"),
        (np.zeros((2, 3, 4), np.uint8), r"uint8 of shape \(2, 3, 4\)"),
        (np.zeros((0, 3, 3), np.uint8), r"uint8 of shape \(0, 3, 3\)"),
        (np.zeros((1, 2, 3, 3), np.uint8), r"uint8 of shape \(1, 2, 3, 3\)"),
        (RGB.tolist(), "list"),
        ([[1], [1, 2]], "list"),
        (None, "NoneType"),
        (Image.fromarray(GREY.astype(np.float32)), "32"),
    ],
)
@pytest.mark.parametrize("use", ["estimator", "tracker"])
def test_other_pictures_are_refused_in_one_sentence(use, picture, received, held):
    look = {
        "estimator": lambda: PoseEstimator(held).predict(picture),
        "tracker": lambda: Tracker(held).update(picture, 0.0),
    }[use]
    with pytest.raises(InputError, match=rf"^image: expected .* Received: {received}$"):
        look()


def test_a_box_is_in_pixels_and_on_the_picture():
    assert box_within((10, 20, 40, 80), 120, 160) == Box(29.5, 59.5, 80)
    assert box_within((-30, -70, 40, 80), 120, 160) == Box(-10.5, -30.5, 80)
    assert box_within((0, 0, 1, 1), 1, 1) == Box(0, 0, 1)
    assert box_within(Box(5, 5, 20), 120, 160) == Box(5, 5, 20)


@pytest.mark.parametrize(
    "box",
    [
        (0.2, 0.1, 0.5, 0.8),
        (0, 0, 1, 1),
        (120, 10, 40, 40),
        (-40, 10, 40, 40),
        (10, 160, 40, 40),
        Box(500, 500, 100),
        (0, 0, 1e300, 1e300),
        (-1e9, -1e9, 2e9, 2e9),
    ],
)
@pytest.mark.parametrize("use", ["estimator", "tracker"])
def test_a_box_elsewhere_is_refused_in_one_sentence(use, box, held):
    picture = np.zeros((160, 120, 3), np.uint8)
    look = {
        "estimator": lambda: PoseEstimator(held).predict(picture, box),
        "tracker": lambda: Tracker(held, box).update(picture, 0.0),
    }[use]
    said = (
        "^box: expected x y width height in pixels of the 120 x 160 picture. Received"
    )
    with pytest.raises(InputError, match=said):
        look()


@pytest.mark.parametrize("box", ["abc", 5, (1, 2, 3), (1, 2, "x", 4), [[1], [2, 3]]])
@pytest.mark.parametrize("use", [PoseEstimator.predict, Tracker.__init__])
def test_what_is_no_box_is_refused_in_one_sentence(use, box, held):
    given = held if use is Tracker.__init__ else np.zeros((160, 120, 3), np.uint8)
    with pytest.raises(InputError, match="^box: expected x y width height in pixels"):
        use(PoseEstimator(held), given, box)


def test_a_threshold_is_a_number(held):
    assert [chosen_threshold(given, 0.2) for given in (None, 0.0, 0.5)] == [0.2, 0, 0.5]
    for use in (predict_files, predict_video):
        path = HELD / "photo.png"
        with pytest.raises(InputError, match="^threshold: expected a score.*nan$"):
            use([path] if use is predict_files else path, held, threshold=np.nan)


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", None])
def test_another_number_of_people_is_refused(count, held):
    said = ": expected a number of people, 1 or more. Received: "
    with pytest.raises(InputError, match=f"^most{said}{count}$"):
        PoseEstimator(held).predict_people(RGB, count)
    with pytest.raises(InputError, match=f"^people{said}{count}$"):
        predict_files([HELD / "photo.png"], held, people=count)


def test_python_searches_a_photograph_as_the_command_does(held, tmp_path, run_fpd):
    model, photo = HELD / "tiny.tflite", HELD / "photo.png"
    run_fpd("predict", photo, "--model", model, "--json", tmp_path / "a.json")
    (record,) = json.loads((tmp_path / "a.json").read_text())
    for picture in (photo, Image.open(photo)):
        pose = PoseEstimator(held).predict(picture)
        np.testing.assert_allclose(
            pose.joints, np.array(record["joints"])[:, :2], atol=1e-4
        )


@pytest.mark.parametrize(
    "two",
    [
        {"box": (0, 0, 9, 9), "boxes": {}},
        {"box": (0, 0, 9, 9), "people": 2},
        {"boxes": {}, "people": 2},
    ],
)
def test_of_two_ways_to_say_where_people_are_none_is_passed_over(held, two):
    with pytest.raises(InputError, match="give one of box, boxes and a number of"):
        predict_files(["a.png"], held, **two)


def test_a_name_in_place_of_a_list_is_refused(held):
    with pytest.raises(InputError, match="^paths: .*a list of photographs. Received: "):
        predict_files("a.png", held)


def test_a_name_of_two_photographs_is_refused(held, tmp_path):
    photographs = [tmp_path / side / "a.png" for side in ("left", "right")]
    for photograph in photographs:
        photograph.parent.mkdir()
        shutil.copy(HELD / "photo.png", photograph)
    boxes = {"a.png": [[0, 0, 40, 40]]}
    with pytest.raises(InputError, match="a.png: it may be .*left/a.png or .*; give"):
        predict_files(photographs, held, boxes=boxes)
    by_path = {str(photograph): boxes["a.png"] for photograph in photographs}
    assert len(predict_files(photographs, held, boxes=boxes | by_path)) == 2
    assert len(predict_files(photographs[:1] * 2, held, boxes=boxes)) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"expected boxes, {.*Received: Expecting value"),
        ("[1]", r"expected boxes, {.*Received: \[1\]"),
        ('{"a.png": 5}', r"a.png: expected boxes, \[\[x, .*Received: 5"),
        ('{"a.png": [5]}', r"a.png: box 1: expected x, y, .*Received: 5"),
        ('{"a.png": [[1, 2, 3]]}', r"a.png: box 1: .*Received: \[1, 2, 3\]"),
        (
            '{"a.png": [[0, 0, 1, 1], [0, 0, 1, -1]]}',
            r"a.png: box 2: .*above 0. Received: \[0, 0, 1, -1\]",
        ),
        ('{"a.png": [["a", 0, 1, 1]]}', r"a.png: box 1: .*Received: \['a', 0, 1, 1\]"),
    ],
)
def test_boxes_of_another_form_are_refused(tmp_path, content, said):
    (tmp_path / "boxes.json").write_text(content)
    with pytest.raises(InputError, match=f"boxes.json: {said}"):
        read_boxes(tmp_path / "boxes.json")
    with pytest.raises(InputError, match="Received: Is a directory$"):
        read_boxes(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "boxes.json: no boxes for photo.png"),
        (
            '{"photo.png": [[0, 0, 40, 40], [900, 0, 30, 30]]}',
            r"boxes.json: photo.png: box 2: .* Received: \(900.0, 0.0, 30.0, 30.0\)",
        ),
        (
            '{"photo.png": [[0.1, 0.2, 0.3, 0.4]]}',
            "boxes.json: photo.png: box 1: expected x y width height in pixels of the",
        ),
    ],
)
def test_boxes_of_another_picture_name_their_file(
    run_fpd, tmp_path, monkeypatch, content, said
):
    monkeypatch.chdir(tmp_path)
    Image.open(HELD / "photo.png").save("photo.png")
    Path("boxes.json").write_text(content)
    given = ("predict", "photo.png", "--model", HELD / "tiny.tflite")
    status, out, err = run_fpd(*given, "--boxes", "boxes.json")
    assert (status, out) == (2, "") and re.search(said, err)
    status, out, err = run_fpd(*given, "--box", 900, 0, 30, 30)
    assert (status, out) == (2, "") and "photo.png: box: expected x y width" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("photo.png --people 2", "photo.png: "),
        ("photo.png --boxes boxes.json", "photo.png: 2 people, "),
        (
            "photo.png --people 2 --boxes boxes.json",
            "give one of --box, --boxes and --p",
        ),
        (
            "photo.png --people 2 --box 1 2 3 4",
            "give one of --box, --boxes and --people",
        ),
        ("--video video.avi --people 2", "in a video, one person is tracked"),
        ("--video video.avi --boxes boxes.json", "in a video, one person is tracked"),
    ],
)
def test_the_verb_takes_people_and_boxes(run_fpd, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    Image.open(HELD / "photo.png").save("photo.png")
    Path("boxes.json").write_text('{"photo.png": [[0, 0, 40, 40], [20, 20, 30, 30]]}')
    given = ["predict", "--model", HELD / "tiny.tflite", *options.split()]
    assert said in "".join(run_fpd(*given)[1:])


def test_a_photograph_of_nobody_is_said_and_drawn_as_it_is(
    run_fpd, tmp_path, monkeypatch
):
    """The shipped student's mean score is below its pose.json's `score.presence`."""
    monkeypatch.chdir(tmp_path)
    grey = Image.new("RGB", (160, 120), (120, 130, 140))
    grey.save("grey.png")
    status, said, _ = run_fpd(
        "predict", "grey.png", "--out", "drawn", "--json", "a.json"
    )
    assert status == 0 and "grey.png: nobody" in said
    assert json.loads(Path("a.json").read_text())[0]["joints"] is None
    np.testing.assert_array_equal(Image.open("drawn/grey.png"), grey)
