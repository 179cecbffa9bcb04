"""What config.json says, and which runs may be gone on with."""

import dataclasses
import json

import keras
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.training.run_folder import (
    begin_or_check,
    describe_run,
    sole_use,
    training_data,
)

CONFIG = fpd.TrainConfig()
NETWORK = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)], name="two")


def described(people, teacher=None, config=CONFIG, network=NETWORK):
    return describe_run(teacher, network, config, people, ["fpd", "train"])


@pytest.fixture
def begun(people, tmp_path):
    assert not begin_or_check(tmp_path, described(people), resume=False)
    return tmp_path


def test_a_run_in_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/run: it cannot be made a folder: Not"):
        with sole_use(tmp_path / "file" / "run", resume=False):
            raise AssertionError("there is no folder to lock")


def test_settings_name_the_people_the_network_and_the_command(begun, people):
    said = json.loads((begun / "config.json").read_text())
    assert (said["data"], said["samples"]) == ("own people", 5)
    assert said["network"] == "two, 9 parameters"
    assert said["command"] == ["fpd", "train"]
    assert said["joint_set"]["name"] == "mpii"
    assert set(said["versions"]) == {"fpd_tf", "keras", "tensorflow", "numpy"}
    assert fpd.TrainConfig(**said["config"]) == CONFIG
    assert training_data(begun / "config.json") == "own people, 5 people"
    assert training_data(begun / "none.json") is None


def test_a_script_is_not_taken_for_the_command(people):
    assert describe_run(None, NETWORK, CONFIG, people)["command"] == []


def changed(people, **change):
    return people.of([dataclasses.replace(people[0], **change), *people[1:]])


OTHERS = {
    "box": lambda people: changed(people, box=people[0].box.scaled(1.01)),
    "joint": lambda people: changed(people, joints=people[0].joints + 0.5),
    "label": lambda people: changed(people, annotated=np.arange(16) > 0),
    "photograph": lambda people: changed(people, image_path=people[1].image_path),
    "order": lambda people: people.of(people[::-1]),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_people_are_noticed_by_what_they_are(begun, people, other):
    assert begin_or_check(begun, described(people), resume=True)
    with pytest.raises(
        InputError, match="config.json: people: the boxes or labels have changed"
    ):
        begin_or_check(begun, described(OTHERS[other](people)), resume=True)


def test_the_same_people_may_lie_in_another_folder(begun, people, tmp_path):
    moved = people.of(
        dataclasses.replace(each, image_path=tmp_path / each.image_path.name)
        for each in people
    )
    assert begin_or_check(begun, described(moved), resume=True)


def test_another_run_is_refused(begun, people):
    config = dataclasses.replace(CONFIG, epochs=7)
    data = fpd.DataConfig(seed=6)
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)], name="two")
    for field, run in {
        r"config\.epochs: expected the run's own 130. Received: 7": described(
            people, config=config
        ),
        r"config\.data\.seed": described(people, config=fpd.TrainConfig(data=data)),
        "samples: expected the run's own 5. Received: 4": described(people[:4]),
        "teacher: expected the run's own None. Received: t.keras": described(
            people, teacher="t.keras"
        ),
        "network: .*'two, 9 parameters'.*two, 12": described(people, network=other),
    }.items():
        with pytest.raises(InputError, match=f"config.json: {field}"):
            begin_or_check(begun, run, resume=True)


def test_another_teacher_of_the_same_name_is_noticed_by_its_content(people, tmp_path):
    run = described(people, teacher="t.keras") | {"teacher_content": "a"}
    begin_or_check(tmp_path, run, resume=False)
    with pytest.raises(InputError, match="teacher_content: the teacher's file or wei"):
        begin_or_check(tmp_path, run | {"teacher_content": "b"}, resume=True)
    older = json.loads((tmp_path / "config.json").read_text())
    del older["teacher_content"]
    (tmp_path / "config.json").write_text(json.dumps(older))
    assert begin_or_check(tmp_path, run, resume=True)


def test_other_pairs_of_left_and_right_are_noticed(begun, people):
    """The names of the joints are the same."""
    pairs = people.joint_set.flip_pairs[:-1]
    joint_set = dataclasses.replace(people.joint_set, flip_pairs=pairs)
    other = dataclasses.replace(people, joint_set=joint_set)
    with pytest.raises(InputError, match=r"config.json: flip_pairs: expected the run"):
        begin_or_check(begun, described(other), resume=True)


def test_a_run_of_an_older_version_is_refused_and_still_tells_its_people(begun, people):
    path = begun / "config.json"
    old = json.loads(path.read_text())
    del old["people"], old["data"]
    path.write_text(json.dumps(old))
    with pytest.raises(InputError, match="people: .*older version.*start_from"):
        begin_or_check(begun, described(people), resume=True)
    assert training_data(path) == "unnamed data, 5 people"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"verb": "train"}', '{"config": 3}', "[" * 10**6]
)
def test_settings_of_another_kind_are_refused(people, tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    for read in (
        lambda: begin_or_check(tmp_path, described(people), resume=True),
        lambda: training_data(path),
    ):
        with pytest.raises(InputError, match="config.json: expected the settings of"):
            read()


def test_a_folder_is_held_against_a_second_run(tmp_path):
    out = tmp_path / "new" / "run"
    with sole_use(out, resume=False):
        with pytest.raises(InputError, match=f"{out}: .*another run is writing"):
            with sole_use(out, resume=True):
                pass
    with sole_use(out, resume=False):  # nothing was left in it
        (out / "config.json").write_text("{}")
    with pytest.raises(InputError, match=f"{out}: it exists already"):
        with sole_use(out, resume=False):
            pass
    with sole_use(out, resume=True):
        pass


def test_there_must_be_a_run_to_resume(tmp_path):
    (tmp_path / "photo.jpg").write_text("mine")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="config.json: .* no run to resume"):
            with sole_use(folder, resume=True):
                pass
    assert not (tmp_path / "none").exists()


def test_a_run_killed_in_its_first_moment_is_begun(people, tmp_path):
    (tmp_path / "partial-7-config.json").write_text("")
    for resume in (False, True):
        with sole_use(tmp_path, resume):
            assert not begin_or_check(tmp_path, described(people), resume)
            (tmp_path / "config.json").unlink()
