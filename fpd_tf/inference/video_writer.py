"""Videos written frame by frame, each frame at its time.

H x W frame.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.files import written_whole
from fpd_tf.quiet import quiet

CODECS = {".mp4": ("avc1", "mp4v"), ".webm": ("VP80",), ".avi": ("MJPG",)}
_NOT_IN_BROWSERS = "mp4v"
logger = logging.getLogger("fpd_tf")


@contextmanager
def video_written(
    path: Path, rate: float
) -> Iterator[Callable[[np.ndarray, float], None]]:
    """Yields a function that adds a frame; the video is renamed to `path` at the end.

    A video has a constant rate: a frame that lasts longer is repeated, and of frames
    that come faster than the rate some are left out.

    Args:
        path: .mp4 (H.264, which browsers play, if this machine has an encoder, else
            MPEG-4 and a line in the log), .webm (VP8, which browsers play) or .avi.
        rate: frames a second, rounded as far as the format needs.

    Raises:
        InputError: the video cannot be written.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from fpd_tf.inference.video_writer import video_written
        >>> with video_written(Path("dark.avi"), 25) as add:
        ...     for frame in range(3):
        ...         add(np.zeros((48, 64, 3), np.uint8), frame / 25)
        >>> Path("dark.avi").stat().st_size > 0
        True
    """
    with written_whole(path) as aside:
        video = _Video(path, aside, rate)
        try:
            yield video.add
        finally:
            video.close()
        video.check_whole()


class _Video:
    """The frames of one file, counted."""

    def __init__(self, path, aside, rate):
        self._path, self._aside, self._rate = path, aside, rate
        self._writer, self._count, self._last = None, 0, None

    def add(self, frame: np.ndarray, seconds: float) -> None:
        """Writes an RGB frame at its time, the one before for as long as it lasted."""
        if self._writer is None:
            self._open(frame.shape[1::-1])
            self._start = seconds
        slot = round((seconds - self._start) * self._rate)
        if self._last is not None and seconds > self._last:
            if slot < self._count:
                return
            self._write(self._before, slot - self._count)
        self._last, self._before = seconds, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        self._write(self._before, 1)

    def close(self):
        if self._writer is not None:
            with quiet():
                self._writer.release()

    def check_whole(self):
        """OpenCV does not say when a frame could not be written."""
        with quiet():
            written = _frames_in(self._aside)
        if written != self._count:
            sentence = f"it cannot be written: {written} of {self._count} frames were"
            raise InputError.plain(self._path, "", sentence)

    def _write(self, frame, times):
        with quiet():
            for _ in range(times):
                self._writer.write(frame)
        self._count += times

    def _open(self, size):
        """Some formats take no rate of three decimals: the first one that works."""
        rates = dict.fromkeys([self._rate, *(round(self._rate, n) for n in (2, 1, 0))])
        for codec, rate in product(CODECS[self._path.suffix], rates):
            code, self._writer = cv2.VideoWriter.fourcc(*codec), cv2.VideoWriter()
            with quiet():
                opened = self._writer.open(str(self._aside), code, rate, size)
            if opened:
                self._rate = rate
                return self._say(codec)
        sentence = "OpenCV cannot write it: check the disk space and the encoders"
        raise InputError.plain(self._path, "", sentence)

    def _say(self, codec):
        if codec == _NOT_IN_BROWSERS:
            logger.warning(
                "%s: browsers do not play it, as there is no H.264 encoder here; they "
                "play what is named .webm",
                self._path,
            )


def _frames_in(path):
    """A .webm has no count of its frames, an estimate alone."""
    video = cv2.VideoCapture(str(path))
    try:
        if path.suffix != ".webm":
            return int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        count = 0
        while video.grab():
            count += 1
        return count
    finally:
        video.release()
