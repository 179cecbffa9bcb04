"""The body of test_disagreement: right joints at x = 30, left ones at x = 70."""

from pathlib import Path

import numpy as np

from fpd_tf.data.people import People, Sample
from fpd_tf.data.repair import repaired
from fpd_tf.geometry import Box
from fpd_tf.joints import JointSet

PARTS = ("shoulder", "wrist", "hip", "ankle")
NAMES = tuple(f"{side}_{part}" for part in PARTS for side in ("right", "left"))
BODY = JointSet("body", NAMES, tuple((at, at + 1) for at in range(0, 8, 2)))
SEEN = np.array([(x, y) for y in (20, 40, 60, 80) for x in (30, 70)], np.float32)
BOX = Box(50, 50, 100)


def flags(*off):
    known = np.ones(8, bool)
    known[list(off)] = False
    return known


def test_mirrored_labels_are_put_back_and_missing_ones_filled_in():
    off = SEEN + 1
    mirrored = Sample(Path("a.jpg"), off[BODY.flip_order], flags(2), flags(2, 5), BOX)
    lacking = Sample(Path("b.jpg"), off, flags(0, 7), flags(0, 7), BOX)
    whole = Sample(Path("c.jpg"), off, flags(), flags(4), BOX)
    people = People([mirrored, lacking, whole], BODY, source="three")
    scores = np.ones((3, 8))
    scores[1, 7] = 0.5  # not clear enough to be a label
    found = repaired(people, np.stack([SEEN] * 3), scores)
    first, second, third = found.people
    # What was called the right wrist, 2, had no label: it is the left one, 3.
    assert first.annotated.all() and first.joints[3].tolist() == [70, 40]
    np.testing.assert_array_equal(np.delete(first.joints, 3, 0), np.delete(off, 3, 0))
    assert np.flatnonzero(~first.visible).tolist() == [3, 4]
    assert second.annotated.tolist() == flags(7).tolist()
    assert second.joints[0].tolist() == [30, 20]
    np.testing.assert_array_equal(second.joints[1:7], off[1:7])
    np.testing.assert_array_equal(third.joints, off)
    assert [person.box for person in found.people] == [BOX] * 3
    assert found.people.source == "three"
    assert found.counts == {
        "mirrored_people": 1,
        "filled_joints": 2,
        "filled_people": 2,
    }
    assert people[0].annotated.tolist() == flags(2).tolist()  # left as they were


def test_labels_far_from_the_teacher_are_left_alone():
    shifted, another = SEEN + (15, 0), SEEN[:, ::-1] * 3
    people = People(
        [
            Sample(Path("a.jpg"), joints, flags(3), flags(3), BOX)
            for joints in (shifted, another)
        ],
        BODY,
    )
    found = repaired(people, np.stack([SEEN] * 2), np.ones((2, 8)))
    np.testing.assert_array_equal(found.people.joints, people.joints)
    assert set(found.counts.values()) == {0}


def test_nobody():
    found = repaired(People([], BODY), np.zeros((0, 8, 2)), np.zeros((0, 8)))
    assert not len(found.people) and set(found.counts.values()) == {0}
