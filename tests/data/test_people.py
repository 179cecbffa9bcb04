"""K joints; photographs are not looked at."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.data.people import People, Sample, checked_people
from fpd_tf.data.photograph import Photograph
from fpd_tf.data.shard import PackedPart
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP, JointSet, numbered_joints

KNOWN = np.ones(14, bool)


def person(**changes) -> Sample:
    given = {
        "image_path": Path("a.jpg"),
        "joints": np.full((14, 2), 50.0),
        "annotated": KNOWN,
        "visible": KNOWN,
        "box": Box(50, 40, 80),
    }
    return Sample(**given | changes)


BAD = {
    "three columns": ({"joints": np.ones((14, 3))}, r"joints: .*\(K, 2\).* \(14, 3\)"),
    "one row": ({"joints": np.ones(28)}, "joints: expected pixels"),
    "text": ({"joints": np.full((14, 2), "1")}, "joints: expected pixels"),
    "COCO's flags": ({"annotated": np.full(14, 2)}, r"annotated: expected bool .*int"),
    "ints": ({"visible": np.ones(14, int)}, "visible: expected bool"),
    "too few flags": ({"annotated": np.ones(13, bool)}, r"annotated: .*\(14,\)"),
    "nan": ({"joints": np.full((14, 2), np.nan)}, "joint 0: expected finite pixels"),
    "a rectangle": ({"box": (0, 0, 9, 9)}, "box: expected a Box. Received: tuple"),
    "no head": ({"head_size": 0.0}, "head_size: expected pixels above 0"),
    "nan head": ({"head_size": float("nan")}, "head_size: expected pixels above 0"),
    "no area": ({"area": -1.0}, "area: expected pixels above 0"),
    "text for a head": ({"head_size": "9"}, "head_size: expected pixels above 0"),
}


@pytest.mark.parametrize("changes, message", BAD.values(), ids=BAD)
def test_what_is_no_person_is_refused(changes, message):
    with pytest.raises(InputError, match=f"^person on a.jpg: {message}"):
        person(**changes)


def test_lists_and_text_are_kept_as_arrays_and_paths():
    plain = {"joints": [[1, 2]] * 14, "annotated": [True] * 14, "visible": [True] * 14}
    found = person(image_path="a.jpg", **plain)
    assert found.image == Photograph(Path("a.jpg"))
    assert not (found.annotated & ~found.visible).any()
    with pytest.raises(InputError, match="image_path: .* Received: NoneType"):
        person(image_path=None)


@pytest.mark.parametrize("side", [0, -80, float("nan"), float("inf"), "x", None])
def test_a_box_without_extent_is_refused(side):
    with pytest.raises(InputError, match="box: expected .* a side above 0"):
        Box(50, 40, side)


def test_what_is_not_annotated_may_be_anywhere():
    joints = np.full((14, 2), np.nan)
    assert person(joints=joints, annotated=~KNOWN).joints.dtype == np.float32


@pytest.mark.parametrize("pairs", [((2, 1), (1, 0)), ((0, 0),)])
def test_flip_pairs_that_are_no_permutation_are_refused(pairs):
    with pytest.raises(InputError, match="flip_pairs: expected each joint in one pair"):
        JointSet("mine", ("a", "b", "c"), flip_pairs=pairs)


def test_one_based_limbs_are_refused():
    with pytest.raises(InputError, match="limbs: expected indices 0 to 2. Received: 3"):
        JointSet("mine", ("a", "b", "c"), limbs=((1, 2), (2, 3)))


@pytest.mark.parametrize(
    ("samples", "joint_set", "said"),
    [
        (None, LSP, "person 0: expected a Sample. Received: NoneType"),
        ([person(), 5], LSP, "person 1: expected a Sample. Received: int"),
        ([person()], "lsp", "joint_set: expected a JointSet. Received: str"),
        ([person()], None, "joint_set: expected a JointSet. Received: NoneType"),
    ],
)
def test_people_of_other_things_are_refused(samples, joint_set, said):
    with pytest.raises(InputError, match=f"^own people: {said}$"):
        People(samples, joint_set)
    with pytest.raises(InputError, match="metric: expected one of .* Received: None"):
        People([person()], LSP, None)


def test_people_are_a_sequence_that_keeps_what_it_knows():
    boxes = [Box(x, 40, 80 + x) for x in range(4)]
    people = People([person(box=box) for box in boxes], LSP, "pck", "mine")
    some = people[1:3]
    assert (some.joint_set, some.metric, some.source) == (LSP, "pck", "mine")
    assert some.boxes == boxes[1:3] and some[0] is people[1] and len(some) == 2
    assert some.squares.tolist() == [[1, 40, 81], [2, 40, 82]]
    assert people.joints.shape == (4, 14, 2) and people.annotated.all()
    assert np.isnan(people.head_sizes).all()
    with pytest.raises(ValueError, match="read-only"):
        people.joints[0] = 0


def test_people_of_other_joints_or_without_what_is_scored_are_refused():
    with pytest.raises(InputError, match="mine: joints of person 1: .* 14 of lsp"):
        short = dataclasses.replace(
            person(),
            joints=np.ones((9, 2)),
            annotated=KNOWN[:9],
            visible=KNOWN[:9],
        )
        People([person(), short], LSP, source="mine")
    with pytest.raises(InputError, match="head_size of person 0"):
        People([person()], LSP, "pckh")
    with pytest.raises(InputError, match="metric: expected"):
        People([person()], LSP, "accuracy")
    with pytest.raises(InputError, match="expected People, which know.*list"):
        checked_people([person()])


def test_a_person_says_where_its_pixels_are():
    assert person().image == Photograph(Path("a.jpg"))
    packed = person(packed=(12, 3, 4, 50, 60))
    assert packed.image == PackedPart(Path("a.jpg"), 12, 3, 4, 50, 60)


@pytest.mark.parametrize("flip, warns", [(0.5, True), (0.0, False)])
def test_sides_without_pairs_are_warned_of_once_where_crops_are_mirrored(
    caplog, flip, warns
):
    own = JointSet("mine", ("left_hand", "r_hand", "head"))
    known = np.ones(3, bool)
    mine = person(joints=np.full((3, 2), 5.0), annotated=known, visible=known)
    config = fpd.DataConfig(input_size=64, batch_size=1, flip=flip)
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        fpd.make_dataset(People([mine] * 3, own), config, training=True)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == warns
    assert not warns or "left_hand, r_hand in no flip pair" in told[0]


@pytest.mark.parametrize("flip, pairs", [(0.5, ()), (0.0, ()), (0.5, ((0, 1),))])
def test_joints_without_names_or_pairs_are_warned_of_where_crops_are_mirrored(
    caplog, flip, pairs
):
    own = dataclasses.replace(numbered_joints(3), flip_pairs=pairs)
    known = np.ones(3, bool)
    mine = person(joints=np.full((3, 2), 5.0), annotated=known, visible=known)
    config = fpd.DataConfig(input_size=64, batch_size=1, flip=flip)
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        fpd.make_dataset(People([mine] * 3, own), config, training=True)
    assert ("the joints have no names" in caplog.text) == (flip > 0 and not pairs)


def test_labels_can_be_taken_off():
    people = People([person(), person()], LSP).without_labels()
    assert not people.annotated.any() and people.boxes == [person().box] * 2
