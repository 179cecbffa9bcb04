from pathlib import Path

import numpy as np
import pytest

from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import _scores
from fpd_tf.evaluation.reference import reference_lengths
from fpd_tf.geometry import Box
from fpd_tf.joints import COCO, JointSet

PAW = JointSet("paw", ("heel", "toe"), groups={"Paw": (0, 1)})
BODY = JointSet("body", ("LShoulder", "hip_r"), groups={"Body": (0, 1)})


def two(joint_set, metric="pck", **fields):
    """Joints 30 px apart, the second person's second one not annotated."""
    joints = np.array([[0.0, 0.0], [0.0, 30.0]])
    known = np.ones(2, bool)
    half_known = np.array([True, False])
    one = Sample(Path("a.jpg"), joints, known, known, Box(0, 15, 80), **fields)
    other = Sample(Path("a.jpg"), joints, half_known, known, Box(9, 15, 40), **fields)
    return People([one, other], joint_set, metric)


def test_the_torso_is_found_however_its_joints_are_written():
    name, lengths = reference_lengths(two(BODY))
    assert name == "PCK@0.2"
    np.testing.assert_array_equal(lengths, [30, np.nan])


def test_without_a_torso_the_box_measures():
    name, lengths = reference_lengths(two(PAW))
    assert name == "PCK@0.2 of the box" and lengths.tolist() == [80, 40]
    assert reference_lengths(two(BODY, "pck@box"))[1].tolist() == [80, 40]


def test_two_joints_may_be_chosen():
    name, lengths = reference_lengths(two(PAW, "pck@toe,heel"))
    assert name == "PCK@0.2 of toe to heel"
    np.testing.assert_array_equal(lengths, [30, np.nan])


def test_scores_follow_the_length_that_is_chosen():
    off = np.array([[[7.0, 0], [7.0, 30]], [[7.0, 0], [7.0, 30]]])
    found = {
        metric: _scores(off, np.ones((2, 2)), two(PAW, metric))[1]
        for metric in ("pck", "pck@heel,toe")
    }
    assert found["pck"].mean == 100.0 and found["pck"].people == 2
    assert found["pck@heel,toe"].mean == 0.0 and found["pck@heel,toe"].people == 1


def test_oks_people_are_scored_by_oks():
    known = np.ones(17, bool)
    person = Sample(Path("a"), np.zeros((17, 2)), known, known, Box(0, 0, 9), area=99.0)
    people = People([person], COCO, "oks")
    name, scores = _scores(people.joints, np.ones((1, 17)), people)
    assert name == "OKS AP" and scores.mean == pytest.approx(100)


@pytest.mark.parametrize(
    "metric, message",
    [
        ("pck@heel", "metric: expected one of pckh, pck, oks, pck@box or .*: pck@heel"),
        ("pck@heel,tail", "joint: expected one of heel, toe. Received: tail"),
        ("mAP", "metric: expected one of"),
        ("oks", r"area of person 0: expected pixels \(or the metric pck\)"),
        ("pckh", "head_size of person 0: expected pixels"),
    ],
)
def test_a_metric_that_people_cannot_be_scored_by_is_refused(metric, message):
    with pytest.raises(InputError, match=message):
        two(PAW, metric)
