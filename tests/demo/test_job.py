from dataclasses import replace

import pytest

from fpd_tf.data.epoch import labelled_in_batch
from fpd_tf.demo import job
from fpd_tf.errors import InputError
from fpd_tf.training import unlabelled
from fpd_tf.training.recipes import RECIPES

FEW = 8


@pytest.mark.slow
def test_the_demo_ends_with_a_table_and_a_page(tmp_path, monkeypatch, capsys):
    short = replace(RECIPES["demo"], epochs=1)
    monkeypatch.setattr(job, "RECIPES", {"demo": short})
    monkeypatch.setattr(job, "UPDATES", 4)
    monkeypatch.setattr(unlabelled, "CLEAR", 0)  # the teacher is hardly trained
    report = job.run_demo(tmp_path / "demo", people=600)
    table = capsys.readouterr().out
    for name in ("teacher", "student alone", "student distilled", "distilled, int8"):
        assert name in table and name in report.read_text()
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        *("people", "teacher", "student-alone", "teacher-cache", "student"),
        *("student.int8.tflite", "report.html"),
    }


def test_a_folder_that_exists_is_refused(tmp_path):
    with pytest.raises(InputError, match="give the name of a new folder"):
        job.run_demo(tmp_path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """People and settings of the three trainings, none of them made."""
    begun = []

    def train(people, out, config, **how):
        begun.append((people, {"out": out, "config": config} | how))
        return out

    def export(*_, **__):
        raise StopIteration

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "LABELLED", FEW)
        patch.setattr(job, "train", train)
        patch.setattr(job, "clearly_seen", lambda people, *_: people)
        patch.setattr(job, "export_tflite", export)
        with pytest.raises(StopIteration):
            job.run_demo(tmp_path_factory.mktemp("runs") / "demo", people=60)
    return begun


def test_students_have_the_same_labels_and_the_teacher_others(runs):
    teacher, alone, distilled = (_photographs(people) for people, _ in runs)
    assert alone == distilled
    assert not teacher & alone
    assert (len(teacher), len(alone)) == (30, FEW)


def test_students_have_equal_updates_and_settings(runs):
    _, (alone, of_alone), (distilled, of_distilled) = runs
    data = of_alone["config"].data
    assert len(alone) / data.batch_size == job.UPDATES
    assert len(distilled) / labelled_in_batch(data) == job.UPDATES
    assert of_alone["config"] == of_distilled["config"]


def test_only_the_distilled_student_has_a_teacher_and_unlabelled_people(runs):
    (people, teacher), (few, alone), (_, distilled) = runs
    assert not {"teacher", "unlabelled"} & {*teacher, *alone}
    assert distilled["teacher"] == teacher["out"] / "student.keras"
    assert not distilled["unlabelled"].annotated.any()
    without = _photographs(distilled["unlabelled"])
    assert len(without) == 20 - FEW
    assert not without & (_photographs(people) | _photographs(few))


def _photographs(people):
    return {person.image_path for person in people}
