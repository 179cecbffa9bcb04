import cv2
import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.inference import video_writer
from fpd_tf.inference.video_writer import CODECS, video_written


def frame(level):
    return np.full((48, 64, 3), level, np.uint8)


def levels_of(path):
    """The mean level of each frame of a video."""
    video, found = cv2.VideoCapture(str(path)), []
    while (answer := video.read())[0]:
        found.append(answer[1].mean())
    return found


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("rate", [25, 30000 / 1001, 105.611, 239.999])
def test_any_rate_is_written_as_near_as_the_format_has_it(tmp_path, suffix, rate):
    path = tmp_path / f"video{suffix}"
    with video_written(path, rate) as add:
        for count in range(6):
            add(frame(40 * count), count / rate)
    assert levels_of(path) == pytest.approx([0, 40, 80, 120, 160, 200], abs=4)
    found = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
    assert found == pytest.approx(rate, abs=0.06)


def test_frames_stand_as_long_as_they_lasted(tmp_path):
    """At 10 a second: 0.0 for three frames, one of 0.32 and 0.34 left out."""
    with video_written(tmp_path / "video.avi", 10) as add:
        for level, seconds in (
            (0, 5.0),
            (50, 5.3),
            (100, 5.32),
            (150, 5.4),
            (200, 5.2),
        ):
            add(frame(level), seconds)
    found = levels_of(tmp_path / "video.avi")
    assert found == pytest.approx([0, 0, 0, 50, 150, 200], abs=4)


def test_who_cannot_play_an_mp4_is_said(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(CODECS, ".mp4", ("mp4v",))
    with video_written(tmp_path / "video.mp4", 10) as add:
        add(frame(0), 0.0)
    assert "video.mp4: browsers do not play it" in caplog.text
    monkeypatch.setattr(video_writer, "_NOT_IN_BROWSERS", "none")
    caplog.clear()
    with video_written(tmp_path / "video.mp4", 10) as add:
        add(frame(0), 0.0)
    assert not caplog.text


def test_a_writer_that_does_not_open_is_said_at_the_first_frame(tmp_path, monkeypatch):
    monkeypatch.setitem(CODECS, ".mp4", ("none",))
    with pytest.raises(InputError, match="video.mp4: OpenCV cannot write it"):
        with video_written(tmp_path / "video.mp4", 10) as add:
            add(frame(0), 0.0)
    assert not list(tmp_path.iterdir())
