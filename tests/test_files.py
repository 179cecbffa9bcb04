import pytest

from fpd_tf.errors import InputError
from fpd_tf.files import written_whole


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
    with pytest.raises(InputError, match="none/scores.json: .*No such file"):
        with written_whole(tmp_path / "none" / "scores.json") as aside:
            aside.write_text("")
