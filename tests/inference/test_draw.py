from functools import partial

import numpy as np
import pytest

from fpd_tf.codec import encode_heatmaps
from fpd_tf.errors import InputError
from fpd_tf.inference.draw import LEFT, MIDDLE, RIGHT, draw_heatmaps, draw_pose
from fpd_tf.joints import LSP, MPII

GRAY = 128
draw_mpii = partial(draw_pose, joint_set=MPII)


def gray_image(height=200, width=160):
    return np.full((height, width, 3), GRAY, np.uint8)


def standing():
    """MPII joints of a person seen from the front, 160 pixels tall."""
    joints = np.zeros((16, 2))
    for name, at in {
        "ankle": (20, 180),
        "knee": (18, 145),
        "hip": (15, 110),
        "wrist": (55, 110),
        "elbow": (45, 80),
        "shoulder": (25, 55),
    }.items():
        joints[MPII.index(f"right_{name}")] = 80 - at[0], at[1]
        joints[MPII.index(f"left_{name}")] = 80 + at[0], at[1]
    for name, y in {
        "pelvis": 110,
        "thorax": 55,
        "upper_neck": 45,
        "head_top": 20,
    }.items():
        joints[MPII.index(name)] = 80, y
    return joints


def run_pixel(drawn, start, end, share=0.5):
    """The pixel on the way from one MPII joint to another."""
    joints = standing()
    a, b = joints[MPII.index(start)], joints[MPII.index(end)]
    x, y = np.rint(a + share * (b - a)).astype(int)
    return tuple(drawn[y, x].tolist())


def test_image_is_copied_not_changed():
    image = gray_image()
    drawn = draw_mpii(image, standing())
    assert (image == GRAY).all()
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (drawn != GRAY).any()


@pytest.mark.parametrize(
    ("start", "end", "color"),
    [
        ("right_knee", "right_ankle", RIGHT),
        ("right_hip", "pelvis", RIGHT),
        ("right_elbow", "right_wrist", RIGHT),
        ("left_knee", "left_ankle", LEFT),
        ("left_shoulder", "thorax", LEFT),
        ("left_elbow", "left_shoulder", LEFT),
        ("pelvis", "thorax", MIDDLE),
        ("upper_neck", "head_top", MIDDLE),
    ],
)
def test_limb_has_the_color_of_its_side(start, end, color):
    assert run_pixel(draw_mpii(gray_image(), standing()), start, end) == color


def test_right_is_warm_left_cool_middle_neutral():
    assert RIGHT[0] > RIGHT[2] + 100
    assert LEFT[2] > LEFT[0] + 100
    assert max(MIDDLE) - min(MIDDLE) < 20


def test_line_between_both_hips_is_of_neither_side():
    joints = np.full((14, 2), np.nan)
    joints[LSP.index("right_hip")] = 40, 100
    joints[LSP.index("left_hip")] = 120, 100
    drawn = draw_pose(gray_image(), joints, joint_set=LSP)
    assert tuple(drawn[100, 80]) == MIDDLE
    assert tuple(drawn[100, 40]) == RIGHT and tuple(drawn[100, 120]) == LEFT


def test_limbs_have_a_dark_rim():
    drawn = draw_mpii(gray_image(), standing(), thickness=6)
    row = drawn[82, 70:91].astype(int)
    assert (row[10] == MIDDLE).all() and (row[[0, -1]] == GRAY).all()
    assert (row.max(axis=1) < GRAY - 40).sum() == 2


def test_joint_below_the_threshold_goes_with_its_limbs():
    scores = np.full(16, 0.3)
    scores[MPII.index("left_knee")] = 0.29
    drawn = draw_mpii(gray_image(), standing(), scores, threshold=0.3)
    gone = (GRAY,) * 3
    assert run_pixel(drawn, "left_knee", "left_ankle", 0) == gone
    assert run_pixel(drawn, "left_knee", "left_ankle") == gone
    assert run_pixel(drawn, "left_knee", "left_hip") == gone
    assert run_pixel(drawn, "left_ankle", "left_knee", 0) == LEFT
    assert run_pixel(drawn, "right_knee", "right_ankle") == RIGHT


def test_joint_that_is_nan_goes_with_its_limbs():
    joints = standing()
    joints[MPII.index("right_wrist")] = np.nan
    drawn = draw_mpii(gray_image(), joints)
    assert run_pixel(drawn, "right_elbow", "right_wrist") == (GRAY,) * 3
    assert run_pixel(drawn, "right_elbow", "right_wrist", 0) == RIGHT


def test_nothing_known_draws_nothing():
    assert (draw_mpii(gray_image(), np.full((16, 2), np.nan)) == GRAY).all()


@pytest.mark.parametrize("far", [-50, 5e3, 1e12, -1e30, np.inf])
def test_joints_outside_the_image_do_no_harm(far):
    joints = standing()
    joints[MPII.index("left_wrist")] = far
    drawn = draw_mpii(gray_image(), joints)
    assert run_pixel(drawn, "right_knee", "right_ankle") == RIGHT


def test_limb_reaches_towards_a_joint_outside_the_image():
    joints = standing()
    joints[MPII.index("left_wrist")] = 300, 80
    drawn = draw_mpii(gray_image(), joints)
    assert tuple(drawn[80, 150]) == LEFT


def test_lines_grow_with_the_person_not_the_image():
    def width(zoom, height, width):
        drawn = draw_mpii(gray_image(height, width), standing() * zoom)
        return (drawn[82 * zoom] == MIDDLE).all(axis=-1).sum()

    small, large = width(1, 200, 160), width(4, 800, 640)
    assert width(1, 800, 640) == small
    assert 3 * small <= large <= 5 * small


def test_any_memory_layout_of_the_image_will_do():
    image = gray_image(160, 200).transpose(1, 0, 2)[:, :, ::-1]
    assert (draw_mpii(image, standing()) == draw_mpii(gray_image(), standing())).all()


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ((np.zeros((9, 9, 3)), np.zeros((16, 2))), r"float64 \(9, 9, 3\)"),
        ((np.zeros((9, 9), np.uint8), np.zeros((16, 2))), r"uint8 \(9, 9\)"),
        ((gray_image(), np.zeros((15, 2))), r"\(15, 2\)"),
        ((gray_image(), np.zeros((16, 2)), np.ones(14)), r"\(14,\)"),
    ],
)
def test_other_shapes_and_types_are_refused(arguments, received):
    with pytest.raises(InputError, match=rf"Received: {received}$"):
        draw_mpii(*arguments)


def test_joints_of_another_set_are_refused():
    with pytest.raises(InputError, match=r"expected \(14, 2\). Received: \(16, 2\)$"):
        draw_pose(gray_image(), standing(), joint_set=LSP)


def test_heatmaps_glow_where_the_joint_is():
    heatmaps, _ = encode_heatmaps(np.array([[181.5, 61.5]]), size=64)
    image = gray_image(256, 256)
    drawn = draw_heatmaps(image, heatmaps)
    assert (image == GRAY).all()
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    change = np.abs(drawn.astype(int) - GRAY).sum(axis=-1)
    y, x = np.nonzero(change > 0.9 * change.max())
    assert [x.mean(), y.mean()] == pytest.approx([181.5, 61.5], abs=0.5)
    assert (drawn[200:, :100] == GRAY).all()


def test_heatmaps_show_the_strongest_joint_not_the_sum():
    image = gray_image(32, 32)
    one, two = np.full((8, 8, 1), 0.4), np.full((8, 8, 2), 0.4)
    two[..., 1] = 0.1
    assert (draw_heatmaps(image, one) == draw_heatmaps(image, two)).all()


def test_heatmaps_outside_zero_to_one_are_clipped():
    image = gray_image(32, 32)
    full, none = np.ones((8, 8, 1)), np.zeros((8, 8, 1))
    assert (draw_heatmaps(image, full * 3) == draw_heatmaps(image, full)).all()
    assert (draw_heatmaps(image, none - 1) == image).all()
    red, green, blue = draw_heatmaps(image, full)[16, 16].tolist()
    assert red > 180 and green > 180 and blue < 80


def test_heatmaps_need_three_axes():
    with pytest.raises(InputError, match=r"Received: \(1, 64, 64, 16\)$"):
        draw_heatmaps(gray_image(), np.zeros((1, 64, 64, 16)))
