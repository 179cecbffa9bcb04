import subprocess
import sys

import numpy as np
import pytest

from fpd_tf.joints import GROUPS, LSP, MPII, lsp_to_mpii


@pytest.mark.parametrize("joint_set", [MPII, LSP], ids=lambda s: s.name)
def test_flip_swaps_left_and_right_names_only(joint_set):
    mirror = {"left": "right", "right": "left"}
    swapped = [joint_set.joints[i] for i in joint_set.flip_order]
    for name, partner in zip(joint_set.joints, swapped, strict=True):
        side, _, part = name.partition("_")
        assert partner == (f"{mirror[side]}_{part}" if side in mirror else name)


@pytest.mark.parametrize("joint_set", [MPII, LSP], ids=lambda s: s.name)
def test_groups_hold_the_joints_they_are_named_after(joint_set):
    assert tuple(joint_set.groups) == GROUPS
    for group in GROUPS[1:]:
        names = {joint_set.joints[i] for i in joint_set.groups[group]}
        assert names == {f"right_{group.lower()}", f"left_{group.lower()}"}
    assert len(joint_set.scored) == 14


def test_mpii_scores_neither_pelvis_nor_thorax():
    assert set(range(16)) - set(MPII.scored) == {6, 7}


@pytest.mark.parametrize("joint_set", [MPII, LSP], ids=lambda s: s.name)
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
