"""Files that are whole or not there, whatever happens while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fpd_tf.errors import InputError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Gives a name aside to write to; on success that file takes the place of `path`.

    The name aside keeps the suffix, by which some writers choose their format.

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
    aside = path.with_name(f"partial-{path.name}")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        raise InputError(path, "", "room to write it", error) from error
    finally:
        aside.unlink(missing_ok=True)
