import json

import cv2
import numpy as np
import pytest

from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import rules_for
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.inference import estimator
from fpd_tf.inference.estimator import PoseEstimator
from fpd_tf.inference.photographs import predict_files
from fpd_tf.joints import LSP
from fpd_tf.predictors.predictor import heatmap_predictor

SIZE = 64


def dot_finder(images):
    """Heatmaps of 14 joints that all lie where the crop is brightest."""
    grey = images.mean(axis=-1)
    small = grey.reshape(len(images), SIZE // 4, 4, SIZE // 4, 4).mean(axis=(2, 4))
    return np.repeat(small[..., None], 14, axis=-1)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    made = heatmap_predictor("dots", Heatmaps(SIZE), LSP, rules_for(LSP), dot_finder)
    monkeypatch.setattr(estimator, "load_predictor", lambda model: made)


def dotted(width, height, x, y):
    image = np.zeros((height, width, 3), np.uint8)
    cv2.circle(image, (x, y), 6, (255, 255, 255), -1, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(
    ("shape", "dot", "box"),
    [
        ((200, 120), (150, 40), None),
        ((120, 200), (20, 170), None),
        ((300, 200), (240, 150), (200, 100, 80, 90)),
    ],
)
def test_joints_come_back_in_pixels_of_the_photograph(shape, dot, box):
    pose = PoseEstimator("dots.tflite").predict(dotted(*shape, *dot), box)
    assert pose.joints.shape == (14, 2) and pose.joints.dtype == np.float32
    np.testing.assert_allclose(pose.joints[3], dot, atol=3.0)


def test_looks_follow_from_places_in_double_precision(monkeypatch):
    poses = []

    def found(look, *_):
        poses.append(look(Box(30.3, 31.7, 50.1)))
        return poses[0]

    monkeypatch.setattr(estimator, "find_person", found)
    pose = PoseEstimator("dots.tflite").predict(dotted(60, 60, 28, 33))
    assert (poses[0].joints != poses[0].joints.astype(np.float32)).all()
    np.testing.assert_array_equal(pose.joints, np.float32(poses[0].joints))


@pytest.mark.parametrize("box", [(0, 0, 0, 10), (0, 0, 10, -1), (np.nan, 0, 9, 9)])
def test_a_box_without_area_is_refused(box):
    with pytest.raises(InputError, match="^box: expected x y width height"):
        PoseEstimator("dots.tflite").predict(dotted(50, 50, 20, 20), box)


def test_a_folder_gives_records_in_order_and_drawings(tmp_path):
    for name, x in (("b", 30), ("a", 60)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), dotted(100, 100, x, 50))
    (tmp_path / "note.txt").write_text("no photograph")
    records = predict_files([tmp_path], "m", out=tmp_path / "drawn", threshold=0.1)
    assert [record["path"] for record in records] == [
        str(tmp_path / "a.png"),
        str(tmp_path / "b.png"),
    ]
    x, y, score = json.loads(json.dumps(records))[0]["joints"][5]
    assert abs(x - 60) < 2 and abs(y - 50) < 2 and 0.5 < score <= 1.0
    drawn = cv2.imread(str(tmp_path / "drawn" / "a.png"))
    assert drawn.shape == (100, 100, 3) and drawn.any()
    assert sorted(file.name for file in (tmp_path / "drawn").iterdir()) == [
        "a.png",
        "b.png",
    ]


def test_a_bad_photograph_stops_or_is_skipped_and_counted(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "good.png"), dotted(64, 64, 30, 30))
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 nothing more")
    with pytest.raises(InputError, match="bad.jpg"):
        predict_files([tmp_path], "m")
    assert len(predict_files([tmp_path], "m", on_error="skip")) == 1
    assert "skipped 1 of 2 photographs: " in caplog.text


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="photographs"):
        predict_files([tmp_path], "m")
    for out in (None, tmp_path / "drawn"):
        with pytest.raises(InputError, match="photographs: expected one or more"):
            predict_files([], "m", out=out)


def test_what_a_folder_holds_besides_photographs_is_counted(tmp_path, caplog):
    for name in ("a.png", "a.txt", "b.txt", "note"):
        cv2.imwrite(str(tmp_path / "a.png"), dotted(64, 64, 30, 30))
        (tmp_path / name).touch()
    assert len(predict_files([tmp_path], "m")) == 1
    assert f"{tmp_path}: 3 files left out (2 .txt, 1 without)" in caplog.text
    assert "not looked into" not in caplog.text
    for name in ("more", "rest", ".hidden"):
        (tmp_path / name).mkdir()
    assert len(predict_files([tmp_path], "m")) == 1
    assert f"{tmp_path}: not looked into: more and 1 more" in caplog.text
    with pytest.raises(InputError, match="Received: none, but folders: more"):
        (tmp_path / "a.png").unlink()
        predict_files([tmp_path], "m")


def test_boxes_in_and_as_many_poses_out(tmp_path):
    image = dotted(200, 100, 30, 50) | dotted(200, 100, 160, 50)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    boxes = {"a.png": [(130, 20, 60, 60), (0, 20, 60, 60)]}
    (record,) = predict_files([tmp_path], "m", boxes=boxes, out=tmp_path / "drawn")
    found = [person[0][:2] for person in record["people"]]
    np.testing.assert_allclose(found, [(160, 50), (30, 50)], atol=2)
    assert record["joints"] == record["people"][0]
    changed = (cv2.imread(str(tmp_path / "drawn" / "a.png")) != image).any(axis=2)
    assert changed[40:60, 20:40].any() and changed[40:60, 150:170].any()
    with pytest.raises(InputError, match=r"boxes: no boxes for .*a.png"):
        predict_files([tmp_path], "m", boxes={"b.png": []})


def test_people_are_asked_for_by_number(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), dotted(100, 100, 30, 50))
    (record,) = predict_files([tmp_path], "m", people=3)
    assert len(record["people"]) == 1 and record["joints"] == record["people"][0]
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 100, 3), np.uint8))
    (record,) = predict_files([tmp_path], "m", people=3)
    assert (record["people"], record["joints"]) == ([], None)
