import numpy as np
import pytest

from fpd_tf.drawn.figure import LEFT_TONE, body, pose
from fpd_tf.joints import MPII

SIDES = ("right", "left")


@pytest.fixture(params=range(20))
def figure(request):
    rng = np.random.default_rng(request.param)
    at, axes = pose(rng)
    return at, axes, body(rng, at, axes)


def _length(at, start, end):
    return np.linalg.norm(at[start] - at[end])


def test_a_pose_has_every_joint(figure):
    assert set(figure[0]) == set(MPII.joints)


def test_left_and_right_limbs_are_equally_long(figure):
    at = figure[0]
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee")):
        right, left = (
            _length(at, f"{side}_{start}", f"{side}_{end}") for side in SIDES
        )
        assert right == pytest.approx(left)
    assert 0.21 < _length(at, "right_knee", "right_ankle") < 0.27


def test_left_is_the_persons_left(figure):
    """Left x down = forward, so a person facing the viewer has right on its left."""
    at, axes, _ = figure
    left = at["left_hip"] - at["right_hip"]
    forward = np.cross(left, at["pelvis"] - at["thorax"])
    assert forward @ axes["body"][:, 2] > 0


def test_the_face_is_in_front_only_where_it_looks_at_the_viewer(figure):
    _, axes, pieces = figure
    hair = next(i for i, piece in enumerate(pieces) if _is_skull(piece))
    mouth = next(i for i, piece in enumerate(pieces) if _is_mouth(piece))
    assert (mouth > hair) == (axes["head"][2, 2] > 0) or abs(axes["head"][2, 2]) < 0.2


def _is_skull(piece):
    return len(piece.circles) == 2 and 0.05 < piece.circles[0, 3] and _is_head(piece)


def _is_mouth(piece):
    return _is_head(piece) and np.all(piece.cloth == (70, 60, 150))


def _is_head(piece):
    return piece.shows == ("upper_neck", "head_top")


def test_left_shoe_is_darker(figure):
    shoes = {
        piece.shows[0]: piece.cloth.mean()
        for piece in figure[2]
        if len(piece.circles) == 3 and piece.shows[0].endswith("ankle")
    }
    assert shoes["left_ankle"] == pytest.approx(LEFT_TONE * shoes["right_ankle"])
