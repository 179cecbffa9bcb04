"""B batch, K joints; heatmaps of 16 x 16 cells over crops of 64 px unless said."""

import math

import numpy as np
import pytest

from fpd_tf.codec import (
    Heatmaps,
    decode_heatmaps,
    encode_heatmaps,
    mirrored,
)
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box, apply_matrix


def test_a_gaussian_of_peak_1_around_the_centre_of_a_cell():
    heatmaps, weights = encode_heatmaps(np.array([[5.5, 9.5]]), size=4, sigma=1.0)
    assert heatmaps.shape == (4, 4, 1)
    np.testing.assert_allclose(
        heatmaps[1:, :3, 0],
        [
            [np.exp(-1), np.exp(-0.5), np.exp(-1)],
            [np.exp(-0.5), 1, np.exp(-0.5)],
            [np.exp(-1), np.exp(-0.5), np.exp(-1)],
        ],
        rtol=1e-6,
    )
    assert weights.tolist() == [1.0]


def test_the_centre_keeps_its_fraction_of_a_cell():
    heatmaps, _ = encode_heatmaps(np.array([[7.5, 9.5]]), size=4, sigma=2.0)
    np.testing.assert_allclose(heatmaps[2, 1:3, 0], np.exp(-0.125 / 4), rtol=1e-6)


def test_sigma_is_in_heatmap_pixels():
    heatmaps, _ = encode_heatmaps(np.array([[5.5, 5.5]]), size=4, sigma=0.5)
    assert heatmaps[1, 2, 0] == pytest.approx(np.exp(-2))


@pytest.mark.parametrize("sigma", [1.0, 1.25, 1.75, 2.0])
def test_decoding_is_the_inverse_of_encoding(sigma):
    joints = np.random.default_rng(0).uniform(4, 59, (20, 3, 2))
    heatmaps, weights = encode_heatmaps(joints, size=16, sigma=sigma)
    decoded, scores = decode_heatmaps(heatmaps)
    np.testing.assert_allclose(decoded, joints, atol=2e-4)
    assert weights.all() and scores.shape == (20, 3)
    assert scores.min() > np.exp(-0.25 / sigma**2) - 1e-6 and scores.max() <= 1


def test_on_the_border_the_decoded_joint_stays_within_half_a_cell():
    joints = np.array([[0.0, 30.0], [63.0, 30.0], [30.0, 0.0], [30.0, 63.0]])
    decoded, _ = decode_heatmaps(encode_heatmaps(joints, size=16)[0])
    assert np.abs(decoded - joints).max() <= 2.0
    assert decoded[:, 0].tolist()[:2] == [1.5, 61.5]
    assert decoded[:, 1].tolist()[2:] == [1.5, 61.5]


def test_joints_without_a_label_or_off_the_crop_weigh_nothing():
    edge = 64 - 0.5
    joints = np.array([[-0.5, 5], [-0.51, 5], [edge - 0.01, 5], [edge, 5], [5, edge]])
    heatmaps, weights = encode_heatmaps(joints, size=16)
    assert weights.tolist() == [1, 0, 1, 0, 0]
    assert not heatmaps[..., 1].any() and heatmaps[..., 2].any()
    heatmaps, weights = encode_heatmaps(
        np.array([[np.nan, np.nan], [5, 5], [5, 5]]),
        np.array([False, False, True]),
        size=16,
    )
    assert weights.tolist() == [0, 0, 1]
    assert not heatmaps[..., :2].any() and heatmaps[..., 2].any()


def test_mirroring_the_crop_mirrors_the_heatmap_without_a_shift():
    joints = np.array([[13.2, 40.0], [50.9, 7.0]])
    heatmaps, _ = encode_heatmaps(joints, size=16)
    mirrored, _ = encode_heatmaps([63, 0] + [-1, 1] * joints, size=16)
    np.testing.assert_allclose(mirrored, heatmaps[:, ::-1], atol=1e-5)


def test_decoding_by_hand():
    heatmap = np.full((5, 7), -0.3)
    heatmap[1:4, 3] = np.exp([-1.0, 0.0, -0.5])
    heatmap[2, 2:5] = np.exp([-0.5, 0.0, -2.0])
    joints, scores = decode_heatmaps(heatmap[None, :, :, None], stride=4)
    x, y = 3 - 1.5 / 5, 2 + 0.5 / 3
    np.testing.assert_allclose(joints, [[[4 * x + 1.5, 4 * y + 1.5]]], rtol=1e-6)
    assert scores.tolist() == [[1.0]]


def test_places_are_exact_to_the_last_digits_as_in_the_apps():
    values = np.float32([0.3, 0.7, 0.5])
    left, middle, right = (math.log(value) for value in values.tolist())
    x = 2 + (left - right) / (2 * (left - 2 * middle + right))
    heatmap = np.zeros((3, 5, 1))
    heatmap[1, 1:4, 0] = values
    joints, _ = decode_heatmaps(heatmap)
    assert joints[0, 0] == pytest.approx(4 * x + 1.5, abs=1e-13)


def test_a_lone_cell_or_a_plateau_is_moved_by_at_most_half_a_cell():
    heatmap = np.zeros((3, 4, 2))
    heatmap[1, 1:3, 0] = 0.7  # two equal cells: between them
    heatmap[1, 2, 1] = 0.7  # one cell: its centre
    joints, _ = decode_heatmaps(heatmap, stride=1)
    np.testing.assert_allclose(joints, [[1.5, 1.0], [2.0, 1.0]], atol=1e-6)


def test_a_batch_is_its_parts():
    joints = np.random.default_rng(1).uniform(-8, 72, (12, 5, 2)).astype(np.float32)
    annotated = np.random.default_rng(2).random((12, 5)) < 0.7
    joints[0, 0], annotated[0, 0] = np.nan, False
    joints[0, 1], annotated[0, 1] = np.inf, False
    heatmaps, weights = encode_heatmaps(joints, annotated, size=16, sigma=1.5)
    assert heatmaps.dtype == weights.dtype == np.float32
    for at in range(12):
        alone = encode_heatmaps(joints[at], annotated[at], size=16, sigma=1.5)
        np.testing.assert_array_equal(heatmaps[at], alone[0])
        np.testing.assert_array_equal(weights[at], alone[1])


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_a_codec_of_any_stride_finds_what_it_drew(stride):
    codec = Heatmaps(64, stride, sigma=1.5)
    joints = np.array([[20.0, 41.5], [33.3, 30.1]])
    heatmaps, _ = codec.encode(joints)
    assert heatmaps.shape == (64 // stride, 64 // stride, 2)
    np.testing.assert_allclose(codec.decode(heatmaps)[0], joints, atol=2e-4)


def test_a_stride_that_does_not_divide_the_size_is_refused():
    with pytest.raises(InputError, match="stride: expected a divisor.* 64.*: 3"):
        Heatmaps(64, 3)


@pytest.mark.parametrize("stride", [2, 4])
def test_warped_heatmaps_have_their_joints_where_the_crop_shows_them(stride):
    codec = Heatmaps(64, stride, sigma=2.0)
    matrices = Box(50, 40, 64).matrix(64), Box(54, 37, 32).matrix(64, rotation=90)
    there, other = (np.vstack([matrix, [0, 0, 1]]) for matrix in matrices)
    between = other @ np.linalg.inv(there)
    joints = np.array([[30.0, 33.0], [37.0, 25.0]])
    warped = codec.warp(codec.encode(joints)[0], between[:2])
    expected = apply_matrix(between[:2], joints)
    np.testing.assert_allclose(codec.decode(warped)[0], expected, atol=stride / 6)
    single = codec.warp(codec.encode(joints)[0][..., :1], between[:2])
    np.testing.assert_allclose(single, warped[..., :1], atol=1e-6)
    moved_away = codec.warp(codec.encode(joints)[0], [[1, 0, 500], [0, 1, 0]])
    assert not moved_away.any()


def test_mirrored_heatmaps_swap_left_and_right():
    joints = np.array([[13.2, 40.0], [50.9, 7.0]])
    heatmaps, _ = encode_heatmaps(joints, size=16)
    expected, _ = encode_heatmaps(([63, 0] + [-1, 1] * joints)[::-1], size=16)
    found = mirrored(heatmaps, np.array([1, 0]))
    np.testing.assert_allclose(found, expected, atol=1e-5)
