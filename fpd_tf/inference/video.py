"""Joints of one person in every frame of a video: records, tables and drawings.

K joints.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.files import written_whole
from fpd_tf.inference.draw import draw_pose
from fpd_tf.inference.track import Tracker
from fpd_tf.progress import tracked
from fpd_tf.quiet import quiet

TABLES = (".csv", ".json")
FILMS = {".mp4": "mp4v", ".avi": "MJPG"}
USUAL_RATE = 30.0

_PARTS = ("x", "y", "score")


def predict_video(
    path: str | Path,
    model,
    box: Sequence[float] | None = None,
    *,
    out: str | Path | None = None,
    threshold: float | None = None,
) -> list[dict]:
    """Follows one person through a video, crop by crop, and smooths the joints.

    Args:
        path: what OpenCV decodes; frames are turned as the file says.
        model: a network, or a .keras or .tflite file.
        box: (x, y, width, height) pixels around the person in the first frame; the
            whole frame where None.
        out: a .csv or .json of the records, or an .mp4 or .avi with the joints drawn.
        threshold: joints that score less are not drawn; the contract's where None.

    Returns:
        For each frame {"frame": 0.., "seconds": its time, "joints": [[x, y, score]..]},
        in pixels.

    Raises:
        InputError: the video cannot be decoded or has no frames, the model cannot be
            read, or `out` has another suffix.

    Example:
        >>> import cv2
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.video import predict_video
        >>> code = cv2.VideoWriter.fourcc(*"MJPG")
        >>> film = cv2.VideoWriter("film.avi", code, 25, (64, 48))
        >>> for _ in range(3):
        ...     _ = film.write(np.zeros((48, 64, 3), np.uint8))
        >>> film.release()
        >>> model = fpd.build_model("hourglass_1x256", input_size=64)
        >>> [each["seconds"] for each in predict_video("film.avi", model)]
        [0.0, 0.04, 0.08]
    """
    path, out = Path(path), None if out is None else Path(out)
    if out and out.suffix not in (*TABLES, *FILMS):
        known = ", ".join((*TABLES, *FILMS))
        raise InputError(out, "", f"a file of one of {known}", out.suffix)
    tracker = Tracker(model, box)
    film = _opened(path)
    rate = film.get(cv2.CAP_PROP_FPS) or USUAL_RATE
    drawn_to = out if out and out.suffix in FILMS else None
    if threshold is None:
        threshold = tracker.rules.score.threshold
    look = {"joint_set": tracker.joint_set, "threshold": threshold}
    records = []
    with _drawn_film(drawn_to, rate) as add:
        for frame, seconds in _frames(film, path):
            pose = tracker.update(frame, seconds)
            records.append(_record(len(records), seconds, pose))
            add(draw_pose(frame, pose.joints, pose.scores, **look))
    film.release()
    if out and out.suffix in TABLES:
        _write_table(out, records, tracker.joint_set)
    return records


def _opened(path):
    with quiet():
        film = cv2.VideoCapture(str(path))
    if not film.isOpened():
        raise InputError(path, "", "a video that OpenCV decodes", "no such video")
    return film


def _frames(film, path) -> Iterator[tuple[np.ndarray, float]]:
    """(H, W, 3) uint8 RGB and seconds, with a bar on standard error."""

    def read():
        while (answer := film.read())[0]:
            yield answer[1]

    total = max(film.get(cv2.CAP_PROP_FRAME_COUNT), 0) or None
    count = 0
    for frame in tracked(read(), path.name, total):
        count += 1
        seconds = film.get(cv2.CAP_PROP_POS_MSEC) / 1000
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), seconds
    if not count:
        raise InputError(path, "", "a video with frames", "none that can be decoded")


def _record(frame, seconds, pose):
    rows = zip(pose.joints.tolist(), pose.scores.tolist(), strict=True)
    joints = [[*at, score] for at, score in rows]
    return {"frame": frame, "seconds": seconds, "joints": joints}


@contextmanager
def _drawn_film(path: Path | None, rate: float) -> Iterator[Callable]:
    """Gives a function that adds an RGB frame; the film is put in place once whole."""
    if path is None:
        yield lambda frame: None
        return
    film, count = cv2.VideoWriter(), 0

    def add(frame):
        nonlocal count
        with quiet():
            if not film.isOpened():
                code = cv2.VideoWriter.fourcc(*FILMS[path.suffix])
                film.open(str(aside), code, rate, frame.shape[1::-1])
            film.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        count += 1

    with written_whole(path) as aside:
        try:
            yield add
        finally:
            with quiet():
                film.release()
        _check_whole(aside, count)


def _check_whole(film, count):
    """OpenCV does not say when a frame could not be written."""
    written = int(cv2.VideoCapture(str(film)).get(cv2.CAP_PROP_FRAME_COUNT))
    if written != count:
        raise OSError(f"{written} of {count} frames could be written")


def _write_table(path, records, joint_set):
    with written_whole(path) as aside:
        if path.suffix == ".json":
            aside.write_text(json.dumps(records, indent=1))
            return
        with aside.open("w", newline="") as file:
            writer = csv.writer(file)
            columns = [f"{j}_{part}" for j in joint_set.joints for part in _PARTS]
            writer.writerow(["frame", "seconds", *columns])
            for record in records:
                values = [value for joint in record["joints"] for value in joint]
                writer.writerow([record["frame"], record["seconds"], *values])
