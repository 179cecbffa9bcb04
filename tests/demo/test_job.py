from dataclasses import replace

import pytest

from fpd_tf.demo import job
from fpd_tf.errors import InputError
from fpd_tf.training.recipes import RECIPES


@pytest.mark.slow
def test_the_demo_ends_with_a_table_and_a_page(tmp_path, monkeypatch, capsys):
    short = replace(RECIPES["demo"], epochs=1)
    monkeypatch.setattr(job, "RECIPES", {"demo": short})
    report = job.run_demo(tmp_path / "demo", people=300)
    table = capsys.readouterr().out
    for name in ("teacher", "student alone", "student distilled", "distilled, int8"):
        assert name in table and name in report.read_text()
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        *("people", "teacher", "student-alone", "student"),
        *("student.int8.tflite", "report.html"),
    }


def test_a_folder_that_exists_is_refused(tmp_path):
    with pytest.raises(InputError, match="give the name of a new folder"):
        job.run_demo(tmp_path)
