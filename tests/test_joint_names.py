import pytest

from fpd_tf.joint_names import flip_pairs_by_name, part_of, plain_name, side_of
from fpd_tf.joints import COCO, LSP, MPII


@pytest.mark.parametrize(
    "name",
    ["left_knee", "Left Knee", "LeftKnee", "leftKnee", "l_knee", "L-Knee", "LKnee"]
    + ["knee_l", "knee.L", "KNEE_LEFT", "knee left"],
)
def test_one_joint_by_any_spelling(name):
    assert plain_name(name) == "left_knee"
    assert side_of(name) == "left" and part_of(name) == "knee"


@pytest.mark.parametrize("name", ["nose", "lip", "rear", "collar", "pelvis_2"])
def test_a_letter_within_a_word_is_no_side(name):
    assert side_of(name) == "" and plain_name(name) == name


@pytest.mark.parametrize("joint_set", [MPII, LSP, COCO], ids=lambda each: each.name)
def test_pairs_of_the_known_sets_come_out_of_their_names(joint_set):
    assert {*flip_pairs_by_name(joint_set.joints)} == {*joint_set.flip_pairs}
    assert tuple(map(plain_name, joint_set.joints)) == joint_set.joints


def test_short_names_are_a_pair_where_both_are_there():
    assert flip_pairs_by_name(("lsho", "rsho", "rump")) == ((1, 0),)


def test_what_has_no_partner_is_in_no_pair():
    assert flip_pairs_by_name(("left_paw", "right_ear", "tail")) == ()


def test_a_part_may_stand_twice():
    joints = ("front_paw_l", "front_paw_r", "back_paw_l", "back_paw_r")
    assert flip_pairs_by_name(joints) == ((1, 0), (3, 2))
