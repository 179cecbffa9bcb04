import json
import subprocess
import sys

import numpy as np
import pytest

from fpd_tf import joints
from fpd_tf.errors import InputError
from fpd_tf.joint_maps import joint_map, lsp_to_mpii
from fpd_tf.joints import COCO, LSP, MPII, JointSet, joint_set_from


@pytest.mark.parametrize("joint_set", [MPII, LSP, COCO], ids=lambda s: s.name)
def test_flip_swaps_left_and_right_names_only(joint_set):
    mirror = {"left": "right", "right": "left"}
    swapped = [joint_set.joints[i] for i in joint_set.flip_order]
    for name, partner in zip(joint_set.joints, swapped, strict=True):
        side, _, part = name.partition("_")
        assert partner == (f"{mirror[side]}_{part}" if side in mirror else name)


GROUPS = ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")


@pytest.mark.parametrize("joint_set", [MPII, LSP, COCO], ids=lambda s: s.name)
def test_groups_hold_the_joints_they_are_named_after(joint_set):
    assert tuple(joint_set.groups) == GROUPS
    for group in GROUPS[1:]:
        names = {joint_set.joints[i] for i in joint_set.groups[group]}
        assert names == {f"right_{group.lower()}", f"left_{group.lower()}"}
    assert len(joint_set.scored) == (17 if joint_set is COCO else 14)


def test_mpii_scores_neither_pelvis_nor_thorax():
    assert set(range(16)) - set(MPII.scored) == {6, 7}


def test_without_groups_every_joint_is_scored():
    assert JointSet("feet", ("right", "left")).scored == (0, 1)


@pytest.mark.parametrize("joint_set", [MPII, LSP, COCO], ids=lambda s: s.name)
def test_limbs_reach_every_joint_and_mirror_into_limbs(joint_set):
    limbs = {frozenset(limb) for limb in joint_set.limbs}
    assert set().union(*limbs) == set(range(joint_set.num_joints))
    assert {frozenset(joint_set.flip_order[list(limb)]) for limb in limbs} == limbs


def test_lsp_joints_keep_their_names_as_mpii_joints():
    joints = np.stack([np.arange(14), np.arange(14)], axis=1).astype(float)
    mapped, known = lsp_to_mpii(joints, np.ones(14, bool))
    renamed = {"upper_neck": "neck"}
    for at, name in enumerate(MPII.joints):
        if name not in ("pelvis", "thorax"):
            assert mapped[at, 0] == LSP.index(renamed.get(name, name))
    assert mapped[MPII.index("pelvis"), 0] == 2.5
    assert mapped[MPII.index("thorax"), 0] == 8.5
    assert known.all()


def test_a_midpoint_needs_both_ends():
    annotated = np.ones((1, 14), bool)
    annotated[0, LSP.index("left_hip")] = False
    _, known = lsp_to_mpii(np.zeros((1, 14, 2)), annotated)
    missing = [MPII.joints[i] for i in np.flatnonzero(~known[0])]
    assert missing == ["left_hip", "pelvis"]


def test_the_loaders_import_no_tensorflow():
    code = (
        "import sys, fpd_tf.data.lsp, fpd_tf.data.mpii\n"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


BAD = {
    "a name twice": ({"joints": ("a", "a")}, "joints: expected names, each once"),
    "no joint": ({"joints": ()}, "joints: expected names"),
    "1-based limbs": ({"limbs": ((1, 2),)}, "limbs: expected indices 0 to 1.*: 2"),
    "a joint in two pairs": ({"flip_pairs": ((1, 0), (0, 1))}, "one pair at most"),
    "a pair of one": ({"flip_pairs": ((1, 1),)}, "one pair at most"),
    "a group of others": ({"groups": {"Hand": (5,)}}, "groups: expected indices"),
    "one sigma": ({"sigmas": (0.1,)}, "sigmas: expected 2"),
    "a sigma of 0": ({"sigmas": (0.1, 0)}, "sigmas: expected numbers above 0.*: 0"),
    "no number": ({"sigmas": (np.nan, 0.1)}, "sigmas: expected numbers above 0.*nan"),
    "one text": ({"joints": "ab"}, "joints: expected a tuple of names. Received: ab"),
    "numbers": ({"joints": (1, 2)}, "joints: expected a tuple of names"),
    "a limb of three": ({"limbs": ((0, 1, 0),)}, "limbs: expected pairs of two joints"),
}


@pytest.mark.parametrize("changes, message", BAD.values(), ids=BAD)
def test_a_joint_set_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        JointSet(**{"name": "two", "joints": ("a", "b")} | changes)


def test_lists_are_kept_as_tuples():
    two = JointSet("two", ["a", "b"], [[0, 1]], np.array([[1, 0]]))
    assert (two.joints, two.flip_pairs, two.limbs) == (("a", "b"), ((0, 1),), ((1, 0),))


def test_an_unknown_joint_is_named():
    with pytest.raises(InputError, match="joint: expected one of right_ankle.*: tail"):
        LSP.index("tail")


def test_coco_as_lsp_by_name():
    found = joint_map(COCO, LSP)
    joints = np.stack([np.arange(17.0), 100 - np.arange(17.0)], axis=1)
    mapped = found.joints(joints)
    assert mapped[LSP.index("right_ankle")].tolist() == [16, 84]
    assert mapped[LSP.index("neck")].tolist() == [5.5, 94.5]
    assert not found.known[LSP.index("head_top")] and found.known.sum() == 13
    scores = np.ones(17)
    scores[COCO.index("left_shoulder")] = 0.25
    assert found.weights(scores)[LSP.index("neck")] == 0.25
    assert found.weights(scores)[LSP.index("head_top")] == 0


def test_joints_match_however_their_names_are_written():
    own = JointSet("own", ("KneeR", "l_ankle", "Neck"))
    found = joint_map(own, LSP)
    joints = np.array([[1.0, 1], [2, 2], [3, 3]])
    mapped = found.joints(joints)
    assert mapped[LSP.index("right_knee"), 0] == 1 and found.known.sum() == 3
    assert mapped[LSP.index("left_ankle"), 0] == 2 and mapped[LSP.index("neck"), 0] == 3
    assert own.find("right_knee") == 0 and own.find("left_knee") is None


def test_sets_without_a_joint_in_common_are_refused():
    with pytest.raises(InputError, match="feet.*a joint of lsp"):
        joint_map(JointSet("feet", ("toe", "heel")), LSP)


def test_a_joint_set_survives_json():
    own = JointSet(
        "own", ("a", "b"), ((0, 1),), ((0, 1),), {"Both": (0, 1)}, (0.1, 0.2)
    )
    again = joint_set_from(json.loads(json.dumps(own.as_dict())), "a.json")
    assert again.as_dict() == own.as_dict() and again is not own
    assert joint_set_from(json.loads(json.dumps(COCO.as_dict())), "a.json") is COCO
    for broken in (None, {}, {"name": "own", "joints": 3}):
        with pytest.raises(InputError, match="a.json: joint_set: expected a joint set"):
            joint_set_from(broken, "a.json")


def test_maps_are_found_where_they_stood():
    assert joints.joint_map is joint_map
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        joints.nothing  # noqa: B018
