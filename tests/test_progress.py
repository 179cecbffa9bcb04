from fpd_tf.progress import tracked


def test_a_terminal_gets_a_bar_and_nothing_else_does(capsys, monkeypatch):
    assert list(tracked(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    assert list(tracked(range(3), "counting")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert "counting" in err and not out
