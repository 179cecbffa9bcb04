import csv
import json
import resource
import sys

import cv2
import numpy as np
import pytest

from fpd_tf import cli
from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import rules_for
from fpd_tf.errors import InputError
from fpd_tf.inference import track as tracking
from fpd_tf.inference.video import predict_video
from fpd_tf.joints import LSP
from fpd_tf.predictors.predictor import heatmap_predictor

SIZE = 64


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """A network that finds joints at the brightest cell, the left ones two below."""

    def brightest(images):
        small = images.mean(axis=-1).reshape(16, 4, 16, 4).mean(axis=(1, 3))
        maps = [np.roll(small, 2 * name.startswith("left"), 0) for name in LSP.joints]
        return np.stack(maps, axis=-1)[None]

    made = heatmap_predictor("bright", Heatmaps(SIZE), LSP, rules_for(LSP), brightest)
    monkeypatch.setattr(tracking, "load_predictor", lambda model: made)
    monkeypatch.setattr("fpd_tf.predictors.load.load_predictor", lambda model: made)


@pytest.fixture
def video(tmp_path):
    """A dot that moves 4 pixels a frame at 25 frames a second, dark in the last one."""
    path = tmp_path / "dot.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
    for i in range(5):
        frame = np.zeros((120, 160, 3), np.uint8)
        if i < 4:
            cv2.circle(frame, (60 + 4 * i, 50), 6, (255, 255, 255), -1)
        writer.write(frame)
    writer.release()
    return path


def test_each_frame_has_its_time_and_joints(video, tmp_path):
    records = predict_video(video, "m.keras", out=tmp_path / "joints.json")
    assert [record["frame"] for record in records] == [0, 1, 2, 3, 4]
    assert np.allclose([record["seconds"] for record in records], np.arange(5) / 25)
    for i, record in enumerate(records[:4]):
        x, y, score = record["joints"][7]
        assert abs(x - (60 + 4 * i)) < 6 and abs(y - 50) < 3 and score > 0.2
    assert records[4]["joints"] is None
    assert json.loads((tmp_path / "joints.json").read_text()) == records


def test_a_table_has_a_row_for_each_frame(video, tmp_path):
    records = predict_video(video, "m.keras", out=tmp_path / "joints.csv")
    with (tmp_path / "joints.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 and len(rows[0]) == 2 + 3 * 14
    assert float(rows[2]["head_top_x"]) == records[2]["joints"][13][0]
    assert float(rows[2]["seconds"]) == records[2]["seconds"]
    assert rows[4]["head_top_x"] == rows[4]["left_hip_score"] == ""


@pytest.mark.parametrize("name", ["drawn.mp4", "drawn.webm", "drawn.avi"])
def test_joints_are_drawn_on_a_video_of_the_same_size(video, tmp_path, name):
    predict_video(video, "m.keras", out=tmp_path / name)
    drawn = cv2.VideoCapture(str(tmp_path / name))
    assert drawn.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert drawn.get(cv2.CAP_PROP_FPS) == 25
    frames = [drawn.read()[1] for _ in range(5)]
    assert frames[0].shape == (120, 160, 3)
    colourful = [np.ptp(frame.astype(int), axis=-1).max() for frame in frames]
    assert min(colourful[:4]) > 60 and colourful[4] < 40


@pytest.mark.parametrize("content", [None, b"", b"\0\0\0 ftypisom" + b"x" * 500])
def test_what_is_no_video_is_refused(tmp_path, capfd, content):
    path = tmp_path / "no.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        InputError, match="no.mp4: (no such file|OpenCV cannot decode it)"
    ):
        predict_video(path, "m.keras", out=tmp_path / "joints.csv")
    assert not (tmp_path / "joints.csv").exists()
    assert capfd.readouterr().err == ""


def test_a_video_without_frames_is_refused(tmp_path):
    path = tmp_path / "empty.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"00dc", b"99zz"))
    with pytest.raises(InputError, match="empty.avi: no frame of it can be decoded"):
        predict_video(path, "m.keras", out=tmp_path / "drawn.mp4")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["empty.avi"]


def test_a_video_that_is_cut_short_is_said(tmp_path, caplog):
    path, random = tmp_path / "noise.avi", np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
    for _ in range(20):
        writer.write(random.integers(0, 255, (120, 160, 3), dtype=np.uint8))
    writer.release()
    assert len(predict_video(path, "m.keras")) == 20 and not caplog.records
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    count = len(predict_video(path, "m.keras"))
    said = f"noise.avi: {count} frames were decoded where its header says 20"
    (record,) = caplog.records
    assert said in record.getMessage() and 0 < count < 15


def test_a_video_is_closed_where_a_frame_cannot_be_used(video, monkeypatch):
    closed, plain = [], cv2.VideoCapture

    class Noted:
        def __init__(self, path):
            self._video = plain(path)

        def __getattr__(self, name):
            return getattr(self._video, name)

        def release(self):
            closed.append(True)
            self._video.release()

    monkeypatch.setattr(cv2, "VideoCapture", Noted)
    with pytest.raises(InputError, match="box: expected x y width height in pixels of"):
        predict_video(video, "m.keras", box=(900, 0, 9, 9))
    assert closed


def test_frames_are_drawn_for_a_video_alone(video, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a frame was drawn")

    monkeypatch.setattr("fpd_tf.inference.video.draw_pose", refuse)
    assert len(predict_video(video, "m.keras", out=tmp_path / "joints.csv")) == 5


def test_a_video_is_not_drawn_over_itself(video):
    before = video.read_bytes()
    with pytest.raises(InputError, match="dot.avi: it would replace the input"):
        predict_video(video, "m.keras", out=video)
    assert video.read_bytes() == before


def test_a_place_that_is_none_is_said_before_the_first_frame(video, tmp_path):
    for out in (tmp_path / "nowhere" / "a.csv", tmp_path / "nowhere" / "a.webm"):
        with pytest.raises(InputError, match=f"{out}: it cannot be written: there is"):
            predict_video(video, "no model is opened", out=out)
    with pytest.raises(InputError, match="it is a folder; give a video"):
        predict_video(tmp_path, "a model")


def test_only_known_suffixes_are_written(video, tmp_path):
    with pytest.raises(
        InputError, match="a file of one of .csv, .json, .mp4, .webm, .avi"
    ):
        predict_video(video, "m.keras", out=tmp_path / "drawn.gif")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--video", "dot.avi", "--out", "joints.csv"], 0, "dot.avi: 5 frames"),
        (["--video", "none.avi"], 2, "none.avi: no such file"),
        (
            ["--video", "dot.avi", "dot.png"],
            2,
            "give either photographs or --video FILE",
        ),
        ([], 2, "give either photographs or --video FILE"),
    ],
)
def test_the_verb_takes_a_video(
    video, monkeypatch, capsys, tmp_path, arguments, status, said
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["fpd", "predict", "--model", "m.keras", *arguments]
    )
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr()
    assert (stop.value.code or 0) == status and said in printed.out + printed.err
    assert (tmp_path / "joints.csv").exists() == (status == 0)


@pytest.mark.parametrize("name", ["drawn.avi", "drawn.mp4", "d.webm", "joints.csv"])
def test_a_full_disk_leaves_no_half_a_video(video, tmp_path, capfd, name):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(InputError, match=f"{name}: it cannot be written"):
            predict_video(video, "m.keras", out=tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [each.name for each in tmp_path.iterdir()] == ["dot.avi"]
    assert "rror" not in capfd.readouterr().err
