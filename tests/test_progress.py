import sys
import threading

from rich.status import Status

from fpd_tf.progress import tracked, waiting


def test_a_terminal_gets_a_bar_and_nothing_else_does(capsys, monkeypatch):
    assert list(tracked(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(tracked(range(3), "counting")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert "counting" in err and not out


def test_nothing_runs_beside_what_is_timed(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    before = threading.active_count()
    for timed, beside in ((True, 0), (False, 1)):
        for _ in tracked(range(2), "timing", timed=timed):
            assert (threading.active_count() > before) == beside
    assert "100%" in capsys.readouterr().err


def test_only_a_terminal_gets_a_line_to_wait_by(monkeypatch):
    """A notebook would show a warning that it lacks widgets."""
    assert not isinstance(waiting("reading"), Status)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert isinstance(waiting("reading"), Status)
