import pytest

from fpd_tf.errors import InputError
from fpd_tf.sandbox import read_in_child

READERS = {
    "import os; os.abort()": r"its reader crashed \(SIGABRT\)",
    "import ctypes; ctypes.string_at(0)": r"its reader crashed \(SIGSEGV\)",
    "answer(lambda path: bytearray(BYTES))": "MemoryError",
    "answer(lambda path: 1 / 0)": "division by zero",
    "answer(lambda path: path.read_text())": "No such file or directory",
    "import os; os._exit(5)": "its reader ended with 5",
}


def reader(folder, monkeypatch, line):
    """The name of a module with that one line."""
    text = f"from fpd_tf.sandbox import BYTES, answer\ndef main():\n    {line}\n"
    (folder / "reader_of_a_test.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return "reader_of_a_test"


@pytest.mark.parametrize("line", READERS)
def test_whatever_happens_to_a_reader_is_one_sentence(tmp_path, monkeypatch, line):
    name = reader(tmp_path, monkeypatch, line)
    said = f"^a.mat: expected a file. Received: {READERS[line]}$"
    with pytest.raises(InputError, match=said):
        read_in_child(name, "a.mat", "a file")


def test_what_it_answers_is_given(tmp_path, monkeypatch):
    name = reader(tmp_path, monkeypatch, "answer(lambda path: path.suffix)")
    assert read_in_child(name, "a.mat", "a file") == b".mat\n"


def test_where_memory_has_no_limit_files_are_read_too(tmp_path, monkeypatch):
    line = "import sys; sys.modules['resource'] = None; answer(lambda path: path.name)"
    name = reader(tmp_path, monkeypatch, line)
    assert read_in_child(name, "a.mat", "a file") == b"a.mat\n"


def test_where_memory_has_a_lower_limit_it_stays(tmp_path, monkeypatch):
    """As under `ulimit -v`: a limit may be lowered, never lifted."""
    lower = "import resource as r; r.setrlimit(r.RLIMIT_AS, (2**31, 2**31))"
    asked = "str(r.getrlimit(r.RLIMIT_AS)[0])"
    name = reader(tmp_path, monkeypatch, f"{lower}; answer(lambda path: {asked})")
    assert read_in_child(name, "a.mat", "a file") == b"2147483648\n"
