import fcntl
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from hashlib import sha256

import pytest

from fpd_tf.errors import InputError
from fpd_tf.files import (
    check_file,
    folder_written_whole,
    make_folder,
    written_whole,
)


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "scores.json"
    with written_whole(path) as aside:
        assert aside.suffix == ".json" and aside.parent == tmp_path
        aside.write_text("old")
    with pytest.raises(KeyboardInterrupt), written_whole(path) as aside:
        aside.write_text("half of the n")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_of_the_file_that_was_wanted(tmp_path):
    path = tmp_path / "scores.json"
    with pytest.raises(InputError, match=f"{path}: .*No space left on device"):
        with written_whole(path) as aside:
            aside.write_text("half")
            raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="none/scores.json: .*there is no folder"):
        with written_whole(tmp_path / "none" / "scores.json") as aside:
            aside.write_text("")


def test_what_else_goes_wrong_meanwhile_keeps_its_own_words(tmp_path):
    """A photograph that is missing is not a full disk."""
    for write in (written_whole, folder_written_whole):
        with pytest.raises(FileNotFoundError, match="photo.jpg"):
            with write(tmp_path / "scores"):
                (tmp_path / "photo.jpg").read_bytes()
        with pytest.raises(ConnectionResetError):
            with write(tmp_path / "scores"):
                raise ConnectionResetError(104, "Connection reset by peer")
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_none_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("", ".", "..", tmp_path):
        with (
            pytest.raises(InputError, match="it is a folder; give the name"),
            written_whole(path),
        ):
            pass
    with pytest.raises(InputError, match="no/a: it cannot be written: .* folder no$"):
        check_file("no/a")
    monkeypatch.setattr("os.access", lambda *asked: False)
    with pytest.raises(InputError, match="^a: it cannot be written: no permission"):
        check_file("a")


def test_a_folder_is_whole_or_not_there(tmp_path):
    path = tmp_path / "variants"
    with pytest.raises(InputError, match=f"{path}: it cannot be written: No space"):
        with folder_written_whole(path) as aside:
            (aside / "a").write_text("half")
            raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())
    with folder_written_whole(path) as aside:
        (aside / "in").mkdir()
        (aside / "in" / "a").write_text("whole")
        assert not path.exists()
    assert (path / "in" / "a").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
    for there in (path, path / "in" / "a"):
        with pytest.raises(InputError, match=f"{there}: it exists already"):
            with folder_written_whole(there):
                raise AssertionError("there is something already")


def test_an_empty_folder_counts_as_new(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with folder_written_whole(".") as aside:
        (aside / "a").write_text("whole")
    assert (tmp_path / "a").read_text() == "whole"


def test_a_folder_that_cannot_be_made_or_filled_is_one_line(tmp_path):
    blocked, path = tmp_path / "file", tmp_path / "people"
    blocked.touch()
    with pytest.raises(InputError, match="file/a/b: it cannot be written: Not a dir"):
        with folder_written_whole(blocked / "a" / "b"):
            raise AssertionError("there is no folder to fill")
    for place, reason in ((blocked / "a", "Not a dir"), (blocked, "File exists")):
        with pytest.raises(InputError, match=f"{place}: .* made a folder: {reason}"):
            make_folder(place)
    make_folder(tmp_path)
    tree = tmp_path / "tree"
    (tree / "b").mkdir(parents=True)
    with pytest.raises(InputError, match="people: it cannot be written: .*File exists"):
        with folder_written_whole(path) as aside:
            (aside / "b").write_text("in the way")
            shutil.copytree(tree, aside, dirs_exist_ok=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "tree"]


def test_files_are_written_on_windows_too(tmp_path, monkeypatch):
    """Windows opens no folder, and puts nothing on disk that is open for reading."""
    opened, fsync = os.open, os.fsync

    def on_windows(path, flags, *more):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *more)

    def fsync_on_windows(descriptor):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(9, "Bad file descriptor")
        fsync(descriptor)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "open", on_windows)
    monkeypatch.setattr(os, "fsync", fsync_on_windows)
    with written_whole(tmp_path / "a") as aside:
        aside.write_text("whole")
    with folder_written_whole(tmp_path / "b") as aside:
        (aside / "c").write_text("whole")
    assert (tmp_path / "a").read_text() == (tmp_path / "b" / "c").read_text()


def test_a_file_is_on_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*arguments, name=name, real=real):
            done.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, noted)
    with written_whole(tmp_path / "a") as aside:
        aside.write_text("whole")
    assert done == ["fsync", "replace", "fsync"]


def test_two_processes_write_one_file_aside_of_each_other(tmp_path, monkeypatch):
    path = tmp_path / "scores.json"
    with written_whole(path) as aside:
        aside.write_text("first")
        monkeypatch.setattr(os, "getpid", lambda: 0)
        with written_whole(path) as other:
            other.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_limit_on_the_size_of_files_is_a_sentence(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(InputError, match=f"{path}: .*File too large"):
            with written_whole(path) as aside:
                aside.write_bytes(bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_copy_that_finds_no_room_is_said_of_the_folder(tmp_path):
    """Of a copy that fails half-way, the system's error names the source."""
    model, out = tmp_path / "model.tflite", tmp_path / "bundle"
    model.write_bytes(bytes(5000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(InputError, match=f"^{out}: .*File too large"):
            with folder_written_whole(out) as aside:
                shutil.copyfile(model, aside / "pose.tflite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [model]


WRITER = """
import random, sys
from hashlib import sha256
from fpd_tf.files import check_file, folder_written_whole, written_whole
while True:
    content = random.randbytes(random.randrange(300_000))
    with written_whole(sys.argv[1]) as aside, aside.open("wb") as file:
        file.write(sha256(content).digest())
        for at in range(0, len(content), 30_000):
            file.write(content[at : at + 30_000])
            file.flush()
"""


def test_killed_at_any_moment_a_writer_leaves_a_whole_file(tmp_path):
    path, chance, halves = tmp_path / "a.bin", random.Random(7), 0
    for _ in range(20):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.1))
        writer.kill()
        writer.wait()
        content = path.read_bytes()
        assert sha256(content[32:]).digest() == content[:32]
        (*left,) = tmp_path.glob("partial-*")
        halves += len(left)
        for each in (path, *left):
            each.unlink()
    assert halves  # else no kill came inside a write
