import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fpd_tf.data.look import facts_of, odd_about
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import JointSet

NAMES = ("nose", "left_hip", "right_hip", "left_knee", "right_knee")
BODY = JointSet("body", NAMES, ((2, 1), (4, 3)))
FACING = np.array([[50.0, 20], [60, 50], [40, 50], [62, 80], [38, 80]])
ALL = np.ones(5, bool)


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (100, 120)).save(path)
    return path


def person(photograph, joints=FACING, **changes):
    sample = Sample(photograph, joints, ALL, ALL, Box(50, 50, 90))
    return replace(sample, **changes)


def test_counts_sizes_and_sides(photograph):
    away = FACING[[0, 2, 1, 4, 3]]
    some = np.array([True, True, True, False, False])
    people = [person(photograph), person(photograph), person(photograph, away)]
    people[1] = replace(people[1], annotated=some, visible=~some, box=Box(50, 50, 70))
    facts = facts_of(People(people, BODY))
    assert (facts.people, facts.photographs) == (3, 1)
    assert [joint.annotated for joint in facts.joints] == [3, 3, 3, 2, 2]
    assert [joint.hidden for joint in facts.joints] == [1, 1, 1, 0, 0]
    assert (facts.sides[0], facts.sides[2], facts.sides[4]) == (70, 90, 90)
    assert (facts.left_usual, facts.left_unusual) == (2, 1)
    assert not facts.odd
    assert json.loads(json.dumps(facts.as_dict()))["people"] == 3


def moved(joint, x, y):
    joints = FACING.copy()
    joints[joint] = x, y
    return {"joints": joints}


few = {"annotated": np.array([True, False, False, False, True])}
ODD = {
    "few labels": (few, "2 of 5 joints have a label"),
    "a small box": ({"box": Box(50, 50, 40)}, "the box is 40 px wide"),
    "a corner": (moved(0, 0, 0), "in the corner of the photograph: nose"),
    "outside": (moved(3, 104, 80), "outside of the photograph: left_knee"),
    "a box of the sky": ({"box": Box(50, 50, 500)}, "the box is 4.2 photographs wide"),
    "beyond its box": (moved(4, 3, 80), "outside of the box: right_knee"),
    "one place": (moved(1, 40, 50), "at the place of another joint: left_hip"),
    "a loose box": (
        {"box": Box(50, 50, 260)},
        "the box is much larger than the joints",
    ),
}


@pytest.mark.parametrize("changes, reason", ODD.values(), ids=ODD)
def test_what_is_odd_is_said(photograph, changes, reason):
    assert reason in odd_about(person(photograph, **changes), NAMES, (100, 120))
    assert reason not in odd_about(person(photograph), NAMES, (100, 120))


def test_sides_that_cross_are_odd(photograph):
    crossed = FACING[[0, 2, 1, 3, 4]]
    facts = facts_of(People([person(photograph), person(photograph, crossed)], BODY))
    said = ["left and right may be swapped for some joints"]
    assert {**facts.odd} == {1: said}


def test_who_is_there_twice_is_odd(photograph):
    others = [person(photograph), person(photograph, FACING + 1)]
    facts = facts_of(People([*others, person(photograph)], BODY))
    assert facts.odd == {2: ["the same labels as person 0"]}
    nobody = person(photograph, annotated=np.zeros(5, bool))
    said = [*facts_of(People([nobody, nobody], BODY)).odd.values()]
    assert "same labels" not in str(said)


def test_a_phones_photograph_is_as_large_as_it_is_upright(tmp_path):
    """Stored on its side, 120 x 100; the knees are below row 100 of the upright one."""
    path, exif = tmp_path / "phone.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (120, 100)).save(path, exif=exif)
    deep = FACING + [0, 30]
    people = [person(path, deep, box=Box(50, 80, 90)), person(path, FACING + [50, 0])]
    assert {**facts_of(People(people, BODY)).odd} == {
        1: [
            "outside of the photograph: left_hip, left_knee",
            "outside of the box: nose, left_hip, left_knee",
        ]
    }


def test_a_photograph_that_is_gone_and_nobody(photograph, tmp_path):
    with pytest.raises(InputError, match="gone.png: expected a whole photograph"):
        facts_of(People([person(tmp_path / "gone.png")], BODY))
    with pytest.raises(InputError, match="has no people to look at"):
        facts_of(People([], BODY))
