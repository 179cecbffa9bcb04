"""Labels of a body of eight paired joints against a teacher; the box is 100 px wide.

Right joints stand at x = 30, left ones at x = 70, each pair in a row of its own; so a
label on the other side is 40 px, 0.4 of the box, away.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fpd_tf.data.disagreement import disagreement
from fpd_tf.data.people import People, Sample
from fpd_tf.geometry import Box
from fpd_tf.joints import JointSet

PARTS = ("shoulder", "wrist", "hip", "ankle")
NAMES = tuple(f"{side}_{part}" for part in PARTS for side in ("right", "left"))
BODY = JointSet("body", (*NAMES, "head"), tuple((at, at + 1) for at in range(0, 8, 2)))
ROWS = [(x, y) for y in (20, 40, 60, 80) for x in (30, 70)]
SEEN = np.array([*ROWS, (50, 5)], np.float32)
ARMS, LEGS, HEAD = [0, 1, 2, 3], [4, 5, 6, 7], 8
ALL = np.ones(9, bool)


def person(joints=SEEN, unlabelled=()):
    known = ALL.copy()
    known[list(unlabelled)] = False
    return Sample(Path("a.jpg"), joints, known, known, Box(50, 50, 100))


def found_of(one, seen=SEEN, scores=None):
    scores = np.ones(9) if scores is None else scores
    return disagreement(People([one], BODY), seen[None], scores[None])


def swapped(joints=range(8)):
    labels = SEEN.copy()
    labels[list(joints)] = SEEN[BODY.flip_order][list(joints)]
    return labels


def scored(score, joints, others=1.0):
    scores = np.full(9, others)
    scores[list(joints)] = score
    return scores


def test_labels_that_agree():
    found = found_of(person(SEEN + 2))
    for what in (found.mirrored, found.elsewhere, found.missing):
        assert not what.any()
    assert not found.shifted.any() and not found.another.any()
    # Nine joints are sqrt(8) px away, 0.0283 of the box; at 0.2 each would be one.
    np.testing.assert_allclose(found.amount, [9 * 0.14142], atol=1e-3)


@pytest.mark.parametrize("which", [range(8), ARMS, LEGS], ids=["all", "arms", "legs"])
def test_sides_that_are_mirrored(which):
    found = found_of(person(swapped(which)))
    assert np.flatnonzero(found.mirrored[0]).tolist() == list(which)
    assert not found.elsewhere.any() and not found.another.any()
    np.testing.assert_allclose(found.amount, [len(which)])


def test_the_rest_of_a_body_follows_where_the_teacher_is_not_sure():
    found = found_of(person(swapped()), scores=scored(0.4, LEGS))
    assert found.mirrored[0, :8].all()


def test_labels_that_agree_stay_though_the_other_side_has_none():
    """The arms are mirrored; of the legs only the left has labels, which agree."""
    found = found_of(person(swapped(ARMS), [4, 6]))
    assert np.flatnonzero(found.mirrored[0]).tolist() == ARMS


def test_legs_that_hardly_tell_follow_the_arms():
    """Seen 1.8 px apart a swap costs them 0.018, half of that over all joints."""
    seen, labels = SEEN.copy(), swapped(ARMS)
    seen[[4, 6], 0], seen[[5, 7], 0] = 49, 50.8
    labels[LEGS] = seen[LEGS]
    assert found_of(person(labels), seen).mirrored[0, :8].all()
    seen[[5, 7], 0] = labels[[5, 7], 0] = 60
    found = found_of(person(labels), seen)
    assert np.flatnonzero(found.mirrored[0]).tolist() == ARMS


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        (swapped([0, 1]), None),  # one pair alone
        (swapped(), scored(0.49, range(8))),  # nothing sure
        (swapped(), scored(0.4, [0, 2, 4])),  # one pair of which both are sure
        (np.where(SEEN == 70, 30, SEEN), None),  # all labels on the right
    ],
)
def test_sides_that_stay(labels, scores):
    assert not found_of(person(labels), scores=scores).mirrored.any()


def test_a_swap_has_to_win_clearly():
    """Sides 5 px apart: a swap gains 0.05 of the box, of which 0.03 are needed."""
    seen = SEEN.copy()
    seen[:8:2, 0], seen[1:8:2, 0] = 50, 55
    labels = seen[BODY.flip_order]
    assert found_of(person(labels), seen).mirrored[0, :8].all()
    seen[1:8:2, 0] = 53
    labels = seen[BODY.flip_order]
    assert not found_of(person(labels), seen).mirrored.any()
    halfway = SEEN.copy()
    halfway[:8, 0] = 50, 50, 50, 50, 50, 50, 50, 50
    assert not found_of(person(halfway)).mirrored.any()


def test_labels_that_are_all_to_one_side():
    found = found_of(person(SEEN + (15, 0)))
    assert found.shifted.tolist() == [True]
    assert not found.elsewhere.any() and not found.another.any()
    assert not found_of(person(SEEN + (15, 0), range(4))).shifted.any()


def test_labels_of_another_person():
    labels = SEEN[:, ::-1] * 3
    found = found_of(person(labels))
    assert found.another.tolist() == [True]
    assert not found.elsewhere.any() and found.amount.tolist() == [9]
    assert not found_of(person(labels, range(6))).another.any()
    labels[:3] = SEEN[:3]  # a third of them are near
    found = found_of(person(labels))
    assert not found.another.any()
    assert np.flatnonzero(found.elsewhere[0]).tolist() == [3, 4, 5, 6, 7, 8]


def test_one_label_elsewhere():
    labels = SEEN.copy()
    labels[3] += 0, 21
    found = found_of(person(labels))
    assert np.flatnonzero(found.elsewhere[0]).tolist() == [3]
    assert not found_of(person(labels), scores=scored(0.4, [3])).elsewhere.any()


def test_joints_without_a_label():
    found = found_of(person(unlabelled=[3, HEAD]), scores=scored(0.59, [HEAD]))
    assert np.flatnonzero(found.missing[0]).tolist() == [3]
    np.testing.assert_allclose(found.amount, [1])
    assert not found_of(person(SEEN * 3, [3])).missing.any()  # another person
    three = found_of(person(unlabelled=range(6)))  # too few to tell who it is
    assert not three.missing.any() and not three.judged.any()


def test_a_label_that_may_be_the_other_sides_is_not_missing():
    """The only wrist has a label as the right one, the teacher sees it as the left."""
    seen = SEEN.copy()
    seen[2] = 0, 95
    labels = SEEN.copy()
    labels[2] = SEEN[3]
    scores = scored(0.2, [2])
    assert not found_of(person(labels, [3]), seen, scores).missing.any()


def test_of_mirrored_people_the_joint_that_is_missing_is_on_the_other_side():
    labels = person(swapped(), [2])  # what is called the right wrist is the left one
    found = found_of(labels)
    assert found.mirrored[0, :8].all()
    assert np.flatnonzero(found.missing[0]).tolist() == [3]


def test_joints_that_are_no_body_swap_as_a_whole():
    paws = JointSet("paws", ("rf", "lf", "rh", "lh"), ((0, 1), (2, 3)))
    joints = SEEN[:4]
    known = np.ones(4, bool)
    one = Sample(Path("a.jpg"), joints[paws.flip_order], known, known, Box(50, 50, 100))
    tail = replace(one, joints=joints)
    seen, scores = np.stack([joints] * 2), np.ones((2, 4))
    found = disagreement(People([one, tail], paws), seen, scores)
    assert found.mirrored.all(axis=1).tolist() == [True, False]


def test_nobody():
    found = disagreement(People([], BODY), np.zeros((0, 9, 2)), np.zeros((0, 9)))
    assert found.amount.shape == (0,) and found.mirrored.shape == (0, 9)
