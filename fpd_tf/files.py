"""Atomic writing of files and folders."""

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fpd_tf.errors import InputError, reason_of

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path to write to; on success the file is renamed to `path`.

    The temporary name has the same suffix, by which some writers choose their format.
    It is unique to this process.

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
    check_file(path)
    aside = _name_aside(path)
    try:
        with _writing(path, aside):
            yield aside
            _put_on_disk(aside)
            os.replace(aside, path)
            _put_on_disk(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: str | Path) -> Iterator[Path]:
    """Yields a temporary folder to fill; on success it is renamed to `path`.

    Raises:
        InputError: `path` exists and is no empty folder, or the disk is full or not to
            be written to.

    Example:
        >>> from pathlib import Path
        >>> from fpd_tf.files import folder_written_whole
        >>> with folder_written_whole("notes") as aside:
        ...     _ = (aside / "one.txt").write_text("whole")
        >>> Path("notes/one.txt").read_text()
        'whole'
    """
    path = Path(path)
    check_new(path)
    place = path.absolute()
    aside = _name_aside(place)
    try:
        with _writing(path, aside):
            aside.mkdir(parents=True)
            yield aside
            for each in (*aside.rglob("*"), aside):
                _put_on_disk(each)
            os.replace(aside, place)
            _put_on_disk(place.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_apart(output: str | Path | None, inputs: Iterable[str | Path]) -> None:
    """Checks that an output is not an input, which would be lost.

    Args:
        output: file or folder that will be written, or None.
        inputs: files and folders that are read.

    Raises:
        InputError: one of them is the output, also under another name.

    Example:
        >>> from fpd_tf.files import check_apart
        >>> check_apart("photos/a.png", ["photos/b.png", "./photos/a.png"])
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: photos/a.png: it would replace the input ...
    """
    if output is None:
        return
    for each in inputs:
        if os.path.realpath(output) == os.path.realpath(each) or _same(output, each):
            sentence = f"it would replace the input {each}; choose another name"
            raise InputError.plain(output, "", sentence)


def _same(one, other):
    """Whether two names mean one file: links, or letters that count as equal."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def check_file(path: str | Path) -> None:
    """Refuses a file that cannot be written, before the work for it is done.

    Raises:
        InputError: it is a folder, or its folder is missing or not to be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError.plain(path, "", "it is a folder; give the name of a file")
    reason = None
    if not path.parent.is_dir():
        reason = f"there is no folder {path.parent}"
    elif not os.access(path.parent, os.W_OK):
        reason = f"no permission to write to {path.parent}"
    if reason:
        raise InputError.plain(path, "", f"it cannot be written: {reason}")


def check_new(path: str | Path) -> None:
    """Checks that a folder is new or empty.

    Raises:
        InputError: it is not.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        sentence = "it exists already; give the name of a new folder"
        raise InputError.plain(path, "", sentence)


def read_json(path: str | Path, expected: str) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        expected: for messages, what the file should be.

    Raises:
        InputError: it cannot be read, or is no JSON.

    Example:
        >>> from fpd_tf.files import read_json
        >>> read_json("none.json", "a list of people")
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: none.json: expected a list of people. Received: No...
    """
    try:
        return json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, "", expected, reason_of(error)) from error


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's content, hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_names(paths: Sequence[str | Path]) -> list[str]:
    """The name of each file, or its path where two share a name.

    Example:
        >>> from fpd_tf.files import short_names
        >>> short_names(["one/a.txt", "two/a.txt", "two/b.txt"])
        ['one/a.txt', 'two/a.txt', 'b.txt']
    """
    names = [Path(path).name for path in paths]
    return [
        name if names.count(name) == 1 else str(path)
        for name, path in zip(names, paths, strict=True)
    ]


def make_folder(path: Path) -> None:
    """Creates a folder and those above it, where they are missing.

    Raises:
        InputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"it cannot be made a folder: {error.strerror}"
        raise InputError.plain(path, "", sentence) from error


def _name_aside(path):
    return path.with_name(f"partial-{os.getpid()}-{path.name}")


@contextmanager
def _writing(path, aside):
    """Turns an error of writing into one about `path`; other errors pass."""
    try:
        yield
    except OSError as error:
        if not _is_of_writing(error, aside):
            raise
        # copytree's errors: (source, place, reason) each
        several = isinstance(error, shutil.Error)
        reason = error.args[0][0][-1] if several else error.strerror or error
        raise InputError.plain(path, "", f"it cannot be written: {reason}") from error


def _is_of_writing(error, aside):
    """By the file it names, or where it names none by its number."""
    names = error.filename, error.filename2  # of a copy the source comes first
    named = [Path(os.fsdecode(each)) for each in names if isinstance(each, str | bytes)]
    if named:
        return any(
            each in aside.parents or each.is_relative_to(aside) for each in named
        )
    return isinstance(error, shutil.Error) or error.errno in _NO_ROOM


def _put_on_disk(path):
    """Waits until a file's content, or a folder's names, would outlast a power cut.

    Windows cannot be asked for a folder's.
    """
    if path.is_dir() and sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
