"""Files that are whole or not there, whatever happens while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fpd_tf.errors import InputError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Gives a name aside to write to; on success that file takes the place of `path`.

    The name aside keeps the suffix, by which some writers choose their format, and is
    this process's own: what a killed one leaves is never taken for the file.

    Raises:
        InputError: the disk is full, or the folder missing or not to be written to.

    Example:
        >>> from pathlib import Path
        >>> from fpd_tf.files import written_whole
        >>> with written_whole("note.txt") as aside:
        ...     _ = aside.write_text("whole")
        >>> Path("note.txt").read_text()
        'whole'
    """
    path = Path(path)
    aside = path.with_name(f"partial-{os.getpid()}-{path.name}")
    try:
        yield aside
        _put_on_disk(aside)
        os.replace(aside, path)
        _put_on_disk(path.parent)
    except OSError as error:
        raise InputError(path, "", "room to write it", error) from error
    finally:
        aside.unlink(missing_ok=True)


def _put_on_disk(path):
    """Waits until a file's content, or a folder's names, would outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
