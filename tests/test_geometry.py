import cv2
import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.geometry import (
    Box,
    apply_matrix,
    compose,
    crop_matrices,
    from_reduced,
    invert_matrix,
    shown_windows,
    warp,
)

CASES = [
    # center, side, rotation, mirror
    ((100.0, 80.0), 128.0, 0.0, False),
    ((31.5, 20.25), 260.0, 25.0, False),
    ((31.5, 20.25), 40.0, -30.0, True),
    ((-5.0, 300.0), 180.0, 170.0, True),
]


def test_the_box_fills_the_crop():
    matrix = Box(100, 80, 64).matrix(256)  # a box of 64 px: 4 crop pixels each
    corners = apply_matrix(matrix, np.array([[68.0, 48], [132, 112], [100, 80]]))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [255.5, 255.5], [127.5, 127.5]])


def test_a_positive_angle_turns_the_crop_clockwise():
    matrix = Box(10, 10, 64).matrix(64, rotation=90)
    right_of_center = apply_matrix(matrix, np.array([[15.0, 10.0]]))
    np.testing.assert_allclose(right_of_center, [[31.5, 36.5]])


def test_uncrop_is_the_inverse_of_crop():
    matrix = Box(31.5, 20.25, 260).matrix(128, rotation=25)
    points = np.random.default_rng(0).uniform(-50, 200, (4, 7, 2))
    back = apply_matrix(invert_matrix(matrix), apply_matrix(matrix, points))
    np.testing.assert_allclose(back, points)
    stacked = np.stack([matrix, Box(0, 0, 200).matrix(64)])
    np.testing.assert_allclose(invert_matrix(stacked)[0], invert_matrix(matrix))
    np.testing.assert_allclose(
        apply_matrix(stacked, points[:2])[1], apply_matrix(stacked[1], points[1])
    )


@pytest.fixture(scope="module")
def photo():
    """(50, 70, 3) uint8, smooth, so that a 32nd of a pixel is within rounding."""
    y, x = np.mgrid[:50, :70]
    waves = [np.sin(x / 9 + k) * np.cos(y / 7 - k) for k in range(3)]
    return np.uint8(np.stack(waves, axis=-1) * 100 + 128)


CORNER = (0, 0)


def test_moving_by_whole_pixels_moves_the_pixels(photo):
    crop = warp(photo, CORNER, np.array([[1, 0, -20], [0, 1, 10]]), 32)
    np.testing.assert_array_equal(crop[10:], photo[:22, 20:52])
    assert not crop[:10].any()


def test_one_resampling_rounded_to_levels(photo):
    for box, rotation in ((Box(34, 25, 20), 20), (Box(34.3, 25.1, 24), -30)):
        matrix = box.matrix(64, rotation)
        expected = cv2.warpAffine(np.float32(photo), matrix, (64, 64))
        crop = warp(photo, CORNER, matrix, 64)
        assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
        assert np.abs(np.float32(crop) - expected).max() < 0.51
        assert np.ptp(crop) > 50


def test_any_part_that_holds_the_window_gives_the_same_crop(photo):
    matrix, window = Box(30, 20, 20).matrix(64), np.array([8, 18, 33, 43])
    crop = warp(photo, CORNER, matrix, 64, window)
    for top, left in ((8, 18), (3, 0), (0, 11)):
        part = photo[top:40, left:60]
        again = warp(part, (top, left), matrix, 64, window)
        np.testing.assert_array_equal(again, crop)
    assert crop.min() > 0


def test_a_window_holds_all_that_a_crop_shows():
    matrix = Box(30, 20, 20).matrix(64)  # pixel 0 is x 20.16, y 10.16; 63 is 39.84
    assert shown_windows(matrix[None], 64).tolist() == [[9, 19, 32, 42]]
    turned = Box(30, 20, 20).matrix(64, rotation=45)
    assert shown_windows(turned[None], 64).tolist() == [[5, 15, 36, 46]]


def test_levels_are_those_of_three_channels_however_large_the_photograph(photo):
    for zoom in (0.3, 1.2):
        matrix = Box(30, 20, 40).matrix(24, rotation=17) * zoom
        for pixels in (photo, np.tile(photo, (3, 3, 1))):
            expected = cv2.warpAffine(pixels, matrix, (24, 24))
            whole = (0, 0, *pixels.shape[:2])
            np.testing.assert_array_equal(
                warp(pixels, CORNER, matrix, 24, whole), expected
            )


def test_a_reduced_picture_is_shown_at_the_same_place(photo):
    """A pixel of it is the mean of 2 x 2, and lies between their centres."""
    halved = photo.reshape(25, 2, 35, 2, 3).mean(axis=(1, 3))
    matrix = Box(34, 25, 40).matrix(20, rotation=20)
    crop = warp(photo, CORNER, matrix, 20)
    from_half = warp(
        np.uint8(halved.round()), CORNER, from_reduced(matrix, 2), 20, (0, 0, 25, 35)
    )
    assert np.abs(np.float32(crop) - from_half)[2:-2, 2:-2].max() < 6
    centre = apply_matrix(from_reduced(matrix, 2), np.array([[10.0, 7.0]]))
    np.testing.assert_allclose(centre, apply_matrix(matrix, np.array([[20.5, 14.5]])))


def test_two_matrices_as_one():
    first, second = Box(10, 20, 30).matrix(64, 25), Box(7, 5, 40).matrix(32, 0, True)
    points = np.array([[3.0, 4.0], [10.0, -2.0]])
    expected = apply_matrix(second, apply_matrix(first, points))
    np.testing.assert_allclose(apply_matrix(compose(second, first), points), expected)


def test_one_matrix_or_many():
    boxes = [Box(*center, side) for center, side, _, _ in CASES]
    _, _, rotations, mirrored = map(np.array, zip(*CASES, strict=True))
    many = crop_matrices(boxes, 64, rotations.astype(float), mirrored)
    for (_, _, rotation, mirror), box, matrix in zip(CASES, boxes, many, strict=True):
        np.testing.assert_array_equal(matrix, box.matrix(64, rotation, mirror))


def test_a_mirrored_matrix_shows_x_at_the_other_side():
    box, points = Box(20, 30, 50), np.array([[0.0, 0.0], [40.0, 13.0]])
    plain, mirrored = (
        apply_matrix(box.matrix(64, 25, mirror), points) for mirror in (False, True)
    )
    np.testing.assert_allclose(mirrored, [63, 0] + [-1, 1] * plain)


def test_a_box_and_its_rectangle():
    box = Box.around((10, 20, 40, 30))
    assert (box.x, box.y, box.side) == (29.5, 34.5, 40)
    assert box.rectangle == (10, 15, 40, 40)
    assert Box.around(box.rectangle) == box
    assert Box.whole(80, 40) == Box(39.5, 19.5, 80)
    assert box.scaled(0.5) == Box(29.5, 34.5, 20)


def test_a_box_around_joints():
    joints = np.array([[10.0, 20.0], [50.0, 40.0]])
    assert Box.of_joints(joints, 1.5, 30) == Box(30, 30, 60)
    assert Box.of_joints(joints[:1], 1.5, 30) == Box(10, 20, 30)


@pytest.mark.parametrize(
    "numbers", [(0, 0, 0), (0, 0, -4), (np.nan, 0, 1), (0, np.inf, 1), (0, 0, np.nan)]
)
def test_what_is_no_box_is_refused(numbers):
    with pytest.raises(InputError, match="box: expected a finite centre"):
        Box(*numbers)


@pytest.mark.parametrize(
    "rectangle", [(0, 0, 0, 9), (0, 0, 9, -1), (np.nan, 0, 9, 9), (0, 0, 9), (1,) * 5]
)
def test_what_is_no_rectangle_is_refused(rectangle):
    with pytest.raises(InputError, match="x y width height"):
        Box.around(rectangle)
