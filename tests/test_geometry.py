import cv2
import numpy as np
import pytest
import tensorflow as tf

from fpd_tf.geometry import (
    apply_matrix,
    crop_matrix,
    crop_matrix_in_graph,
    invert_in_graph,
    invert_matrix,
    warp,
)

CASES = [
    # center, scale, rotation, mirror
    ((100.0, 80.0), 0.64, 0.0, False),
    ((31.5, 20.25), 1.3, 25.0, False),
    ((31.5, 20.25), 0.2, -30.0, True),
    ((-5.0, 300.0), 0.9, 170.0, True),
]


def test_the_box_fills_the_crop():
    matrix = crop_matrix([100, 80], 0.32, 256)  # a box of 64 px: 4 crop pixels each
    corners = apply_matrix(matrix, np.array([[68.0, 48], [132, 112], [100, 80]]))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [255.5, 255.5], [127.5, 127.5]])


def test_a_positive_angle_turns_the_crop_clockwise():
    matrix = crop_matrix([10, 10], 64 / 200, 64, rotation=90)
    right_of_center = apply_matrix(matrix, np.array([[15.0, 10.0]]))
    np.testing.assert_allclose(right_of_center, [[31.5, 36.5]])


def test_uncrop_is_the_inverse_of_crop():
    matrix = crop_matrix([31.5, 20.25], 1.3, 128, rotation=25)
    points = np.random.default_rng(0).uniform(-50, 200, (4, 7, 2))
    back = apply_matrix(invert_matrix(matrix), apply_matrix(matrix, points))
    np.testing.assert_allclose(back, points)
    stacked = np.stack([matrix, crop_matrix([0, 0], 1, 64)])
    np.testing.assert_allclose(invert_matrix(stacked)[0], invert_matrix(matrix))
    np.testing.assert_allclose(
        apply_matrix(stacked, points[:2])[1], apply_matrix(stacked[1], points[1])
    )


def test_the_mirrored_crop_shows_x_at_the_other_side():
    center, scale, rotation, _ = CASES[1]
    plain, mirrored = (
        crop_matrix_in_graph(tf.constant(center), scale, rotation, mirror, 64).numpy()
        for mirror in (False, True)
    )
    points = np.array([[0.0, 0.0], [40.0, 13.0]])
    expected = [63, 0] + [-1, 1] * apply_matrix(plain, points)
    np.testing.assert_allclose(apply_matrix(mirrored, points), expected, atol=1e-4)


def test_matrices_in_graph_as_in_numpy():
    def in_graph(center, scale, rotation, mirror):
        matrix = crop_matrix_in_graph(center, scale, rotation, mirror, 64)
        return matrix, invert_in_graph(matrix)

    columns = [np.array(column) for column in zip(*CASES, strict=True)]
    columns = [c.astype(np.float32) if c.dtype != bool else c for c in columns]
    cases = tf.data.Dataset.from_tensor_slices(tuple(columns))
    eagerly = [in_graph(*map(tf.constant, case)) for case in cases.as_numpy_iterator()]
    for run in (eagerly, list(cases.map(in_graph))):
        for (center, scale, rotation, mirror), (there, back) in zip(
            CASES, run, strict=True
        ):
            expected = crop_matrix(center, scale, 64, rotation)
            if mirror:
                expected = [[-1], [1]] * expected + [[0, 0, 63], [0, 0, 0]]
            np.testing.assert_allclose(there, expected, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(
                back, invert_matrix(expected), rtol=1e-4, atol=1e-3
            )


@pytest.fixture(scope="module")
def photo():
    """(50, 70, 3) uint8, smooth, so that a 32nd of a pixel is within rounding."""
    y, x = np.mgrid[:50, :70]
    waves = [np.sin(x / 9 + k) * np.cos(y / 7 - k) for k in range(3)]
    return np.uint8(np.stack(waves, axis=-1) * 100 + 128)


WHOLE = np.array([0, 0]), np.array([0, 0, 50, 70])


def test_moving_by_whole_pixels_moves_the_pixels(photo):
    crop = warp(photo, *WHOLE, np.array([[1, 0, -20], [0, 1, 10]]), 32)
    np.testing.assert_array_equal(crop[10:], photo[:22, 20:52])
    assert not crop[:10].any()


def test_one_resampling_rounded_to_levels(photo):
    for center, scale, rotation in (((34, 25), 0.1, 20), ((34.3, 25.1), 0.12, -30)):
        matrix = crop_matrix(center, scale, 64, rotation)
        expected = cv2.warpAffine(np.float32(photo), matrix, (64, 64))
        crop = warp(photo, *WHOLE, matrix, 64)
        assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
        assert np.abs(np.float32(crop) - expected).max() < 0.51
        assert np.ptp(crop) > 50


def test_any_part_that_holds_the_window_gives_the_same_crop(photo):
    matrix, window = crop_matrix([30, 20], 0.1, 64), np.array([8, 18, 33, 43])
    crop = warp(photo, np.array([0, 0]), window, matrix, 64)
    for top, left in ((8, 18), (3, 0), (0, 11)):
        part = photo[top:40, left:60]
        again = warp(part, np.array([top, left]), window, matrix, 64)
        np.testing.assert_array_equal(again, crop)
    assert crop.min() > 0
