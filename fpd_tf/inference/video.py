"""Joints of one person in every frame of a video: records, tables and drawings.

K joints.
"""

import csv
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.files import check_apart, check_file, written_whole
from fpd_tf.inference.draw import draw_pose
from fpd_tf.inference.given import chosen_threshold
from fpd_tf.inference.track import Tracker
from fpd_tf.inference.video_writer import CODECS, video_written
from fpd_tf.progress import tracked
from fpd_tf.quiet import quiet

logger = logging.getLogger("fpd_tf")

TABLES = (".csv", ".json")
USUAL_RATE = 30.0

_NEARLY_ALL = 0.95  # some headers have an estimate
_PARTS = ("x", "y", "score")


def predict_video(
    path: str | Path,
    model,
    box: Sequence[float] | None = None,
    *,
    out: str | Path | None = None,
    threshold: float | None = None,
) -> list[dict]:
    """Tracks one person in a video and smooths the joints.

    Args:
        path: a video that OpenCV decodes; frames are rotated as the file says.
        model: a network, or a .keras or .tflite file.
        box: (x, y, width, height) pixels around the person in the first frame; where
            None, the person is searched for.
        out: a .csv or .json of the records, or an .mp4, .webm or .avi with the joints
            drawn (see `video_written`).
        threshold: joints that score less are not drawn; the contract's where None.

    Returns:
        For each frame {"frame": 0.., "seconds": its time, "joints": [[x, y, score]..]},
        in pixels; the joints are None, and empty in a .csv, if nobody was found.

    Raises:
        InputError: the video cannot be decoded or has no frames, the model cannot be
            read, or `out` has another suffix or is the video itself.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.video import predict_video
        >>> from fpd_tf.inference.video_writer import video_written
        >>> with video_written(Path("dark.avi"), 25) as add:
        ...     for frame in range(3):
        ...         add(np.zeros((48, 64, 3), np.uint8), frame / 25)
        >>> model = fpd.build_model("tiny", input_size=64)
        >>> [each["seconds"] for each in predict_video("dark.avi", model)]
        [0.0, 0.04, 0.08]
    """
    path, out = Path(path), None if out is None else Path(out)
    if out and out.suffix not in (*TABLES, *CODECS):
        known = ", ".join((*TABLES, *CODECS))
        raise InputError(out, "", f"a file of one of {known}", out.suffix)
    if out:
        check_file(out)
    check_apart(out, [path])
    tracker = Tracker(model, box)
    threshold = chosen_threshold(threshold, tracker.rules.score.threshold)
    look = {"joint_set": tracker.joint_set, "threshold": threshold}
    drawn = out and out.suffix in CODECS
    records = []
    with _opened(path) as video:
        rate = video.get(cv2.CAP_PROP_FPS) or USUAL_RATE
        with video_written(out, rate) if drawn else nullcontext() as add:
            for frame, seconds in _frames(video, path):
                pose = tracker.update(frame, seconds)
                records.append(_record(len(records), seconds, pose))
                if add and pose is not None:
                    frame = draw_pose(frame, pose.joints, pose.scores, **look)
                if add:
                    add(frame, seconds)
    if out and not drawn:
        _write_table(out, records, tracker.joint_set)
    return records


@contextmanager
def _opened(path) -> Iterator[cv2.VideoCapture]:
    if path.is_dir():
        raise InputError.plain(path, "", "it is a folder; give a video")
    with quiet():
        video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        sentence = "no such file" if not path.exists() else "OpenCV cannot decode it"
        raise InputError.plain(path, "", sentence)
    try:
        yield video
    finally:
        video.release()


def _frames(video, path) -> Iterator[tuple[np.ndarray, float]]:
    """(H, W, 3) uint8 RGB and seconds, with a bar on standard error."""

    def read():
        while (answer := video.read())[0]:
            yield answer[1]

    total = max(video.get(cv2.CAP_PROP_FRAME_COUNT), 0) or None
    count = 0
    for frame in tracked(read(), path.name, total):
        count += 1
        seconds = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), seconds
    if not count:
        raise InputError.plain(path, "", "no frame of it can be decoded")
    if total and count < _NEARLY_ALL * total:
        logger.warning(
            "%s: %d frames were decoded where its header says %d: it may be cut short",
            *(path, count, total),
        )


def _record(frame, seconds, pose):
    joints = None if pose is None else pose.rows()
    return {"frame": frame, "seconds": seconds, "joints": joints}


def _write_table(path, records, joint_set):
    with written_whole(path) as aside:
        if path.suffix == ".json":
            aside.write_text(json.dumps(records, indent=1))
            return
        with aside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            columns = [f"{j}_{part}" for j in joint_set.joints for part in _PARTS]
            writer.writerow(["frame", "seconds", *columns])
            for record in records:
                values = [value for joint in record["joints"] or () for value in joint]
                values = values or [None] * len(columns)
                writer.writerow([record["frame"], record["seconds"], *values])
