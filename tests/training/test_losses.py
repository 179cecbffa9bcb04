"""Numbers by hand: B = 1 person, heatmaps of 1 x 3 cells, K = 2 joints."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fpd_tf.errors import InputError
from fpd_tf.training.losses import (
    fpd_loss,
    joints_binary_cross_entropy,
    joints_cross_entropy,
    joints_mse,
    stacks_loss,
)


def maps(*joints):
    """(1, 1, 3, K) from K rows of three cells."""
    return np.array(joints, np.float32).T[None, None]


TRUTH = maps([0, 1, 0], [1, 0, 0])
FIRST = maps([0, 0, 0], [0, 0, 0])  # squared distances 1, 1
LAST = maps([1, 1, 0], [1, 2, 3])  # 1, 13
ONES = np.ones((1, 2), np.float32)
SOFT = maps([0, 0.5, 0], [0, 0, 2])  # to FIRST 0.25, 4; to LAST 1.25, 6


def test_mse_sums_over_pixels_and_keeps_people_and_joints():
    assert joints_mse(TRUTH, LAST).numpy().tolist() == [[1, 13]]
    two = [np.concatenate([one, one]) for one in (TRUTH, LAST)]
    assert joints_mse(*two).numpy().tolist() == [[1, 13]] * 2


def test_mse_of_half_precision_is_taken_in_float32():
    off = keras.ops.cast(LAST, "bfloat16")
    assert joints_mse(TRUTH, off).dtype == "float32"
    large = np.full((1, 64, 64, 1), 0.1)
    distance = joints_mse(np.zeros_like(large), keras.ops.cast(large, "bfloat16"))
    assert distance.numpy()[0, 0] == pytest.approx(40.96, rel=0.005)


def test_cross_entropy_of_maps_as_distributions():
    target, guess = maps([0, 2, 2]), maps([-5, 1, 3])
    # shares 1/2, 1/2 against 1/4, 3/4; what is negative counts as nothing
    expected = -0.5 * np.log(0.25) - 0.5 * np.log(0.75)
    assert joints_cross_entropy(target, guess).numpy() == pytest.approx(
        expected, rel=1e-5
    )
    scaled = joints_cross_entropy(7 * target, 0.5 * guess).numpy()
    assert scaled == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "value, rise", [(1, 1), (0, 50 / np.log(4)), (-1, 50), (-100, 50)]
)
def test_cross_entropy_has_a_gradient_wherever_the_map_is(value, rise):
    """Of three equal maps f(x): f'(x) / f(x) * (1/3 - target); f is x, log 2, exp."""
    guess = keras.Variable(maps([value, value, value]))
    with tf.GradientTape() as tape:
        distance = joints_cross_entropy(maps([0, 1, 0]), guess)
    gradient = tape.gradient(distance, guess.value).numpy().ravel()
    expected = rise * (1 / 3 - np.array([0, 1, 0]))
    assert distance.numpy() == pytest.approx(np.log(3), abs=1e-4)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4)


def test_cross_entropy_is_finite_on_empty_maps():
    empty = maps([0, 0, 0])
    assert joints_cross_entropy(empty, empty).numpy() == pytest.approx(np.log(3))


def test_binary_cross_entropy_of_cells_counts_positives_ten_times():
    target, guess = maps([0, 1, 0.5]), maps([0.5, 0.5, 0.5])
    # 1 x ln 2, 10 x ln 2, 5.5 x ln 2
    expected = pytest.approx(16.5 * np.log(2), rel=1e-5)
    assert joints_binary_cross_entropy(target, guess).numpy() == expected
    at_target = maps([0.3, 0.6, 0.9])
    near = [maps([0.3 + off, 0.6, 0.9]) for off in (-0.01, 0, 0.01)]
    values = [
        float(joints_binary_cross_entropy(at_target, each)[0, 0]) for each in near
    ]
    assert values[1] == min(values)


def test_binary_cross_entropy_is_finite_and_sloped_where_a_sigmoid_ends():
    logits = keras.Variable(maps([-12.0, -12.0, -12.0]))
    with tf.GradientTape() as tape:
        guess = keras.ops.sigmoid(logits)
        distance = joints_binary_cross_entropy(maps([0, 1, 0]), guess)
    gradient = tape.gradient(distance, logits.value).numpy().ravel()
    assert gradient == pytest.approx([0, -10, 0], abs=1e-3)
    assert np.isfinite(joints_binary_cross_entropy(maps([0, 1, 0]), maps([1, 0, 1])))


def test_stacks_are_summed_and_joints_averaged():
    weights = np.array([[1.0, 0.5]])
    assert float(stacks_loss([FIRST], TRUTH, weights)) == (1 + 0.5) / 2
    both = stacks_loss([FIRST, LAST], TRUTH, weights)
    assert float(both) == (1 + 0.5) / 2 + (1 + 6.5) / 2


def test_the_weights_mask_the_truth_but_not_the_teacher():
    weights = np.array([[1.0, 0.0]])
    losses = fpd_loss([FIRST, LAST], TRUTH, weights, SOFT, 0.25)
    student_loss = 1 / 2 + 1 / 2
    distillation_loss = (0.25 + 4) / 2 + (1.25 + 6) / 2
    loss = 0.25 * distillation_loss + 0.75 * student_loss
    assert [float(each) for each in losses] == [loss, student_loss, distillation_loss]


def test_what_has_weight_0_may_be_no_number():
    nothing = maps([np.nan, 0, 0], [1, 0, 0])
    weights = np.array([[0.0, 1.0]])
    assert float(stacks_loss([LAST], nothing, weights)) == 13 / 2
    guess = keras.Variable(LAST)
    with tf.GradientTape() as tape:
        loss = stacks_loss([guess], nothing, weights)
    assert np.isfinite(tape.gradient(loss, guess.value)).all()


@pytest.mark.parametrize(
    ("distance", "shape"),
    [
        (keras.losses.mean_squared_error, r"\(1, 1, 3\)"),
        (keras.losses.MeanSquaredError(), r"\(\)"),
    ],
)
def test_a_distance_without_a_number_for_each_joint_is_refused(distance, shape):
    """Its scalar would be weighted by all joints alike."""
    said = rf"shape: expected \(B, 2\), a number for each joint.*: {shape}"
    with pytest.raises(InputError, match=f"(?i)mean_?squared_?error: {said}"):
        stacks_loss([LAST], TRUTH, ONES, distance)


def test_a_teacher_is_believed_as_far_as_its_weights_say():
    believed = np.array([[0.5, 2.0]])
    losses = fpd_loss([LAST], TRUTH, ONES, SOFT, 0.25, teacher_weights=believed)
    assert float(losses[2]) == (0.5 * 1.25 + 2 * 6) / 2
    masked = np.array([[1.0, 0.0]])
    losses = fpd_loss([LAST], TRUTH, masked, SOFT, 0.25, joints_mse, False, believed)
    assert float(losses[2]) == 0.5 * 1.25 / 2


def test_the_teacher_can_be_kept_from_joints_without_a_label():
    weights = np.array([[1.0, 0.0]])
    losses = fpd_loss([LAST], TRUTH, weights, SOFT, 0.25, teach_unlabelled=False)
    assert float(losses[2]) == 1.25 / 2
    assert float(losses[0]) == 0.25 * 1.25 / 2 + 0.75 * 1 / 2


def test_only_the_teachers_term_changes_with_the_distance():
    _, mse, _ = map(float, fpd_loss([LAST], TRUTH, ONES, SOFT, 0.5))
    losses = fpd_loss([LAST], TRUTH, ONES, SOFT, 0.5, joints_cross_entropy)
    loss, student_loss, distillation_loss = map(float, losses)
    assert student_loss == mse == 7
    expected = joints_cross_entropy(SOFT, LAST).numpy().mean()
    assert distillation_loss == pytest.approx(expected)
    assert loss == pytest.approx((expected + 7) / 2)
