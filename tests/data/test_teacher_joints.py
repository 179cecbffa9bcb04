"""K joints; crops of 64 px, heatmaps of 16 x 16 cells."""

import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.codec import Heatmaps
from fpd_tf.data.teacher_joints import TeacherJoints
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box

CODEC = Heatmaps(64, sigma=1.5)
BOX = Box(50, 50, 64)  # crop pixel = photograph pixel - 18.5


def test_joints_are_drawn_where_the_crop_shows_them():
    joints = np.array([[[50.0, 40.0], [60.0, 70.0], [0.0, 0.0]]])
    kept = TeacherJoints(joints, np.array([[0.5, 1.0, 0.25]]), CODEC, (1, 0, 2))
    heatmaps, weights = kept.for_crop(0, BOX, BOX.matrix(64), mirrored=False)
    found, _ = CODEC.decode(heatmaps)
    np.testing.assert_allclose(found[:2], [[31.5, 21.5], [41.5, 51.5]], atol=1e-3)
    assert weights.tolist() == [0.5, 1.0, 0.0]  # the third lies outside
    assert not heatmaps[..., 2].any()
    assert heatmaps.dtype == weights.dtype == np.float32
    heatmaps, weights = kept.for_crop(0, BOX, BOX.matrix(64, 0, True), mirrored=True)
    found, _ = CODEC.decode(heatmaps)
    np.testing.assert_allclose(found[:2], [[21.5, 51.5], [31.5, 21.5]], atol=1e-3)
    assert weights.tolist() == [1.0, 0.5, 0.0]


def test_what_weighs_nothing_may_be_anywhere():
    kept = TeacherJoints(np.full((1, 2, 2), np.nan), np.zeros((1, 2)), CODEC, (1, 0))
    heatmaps, weights = kept.for_crop(0, BOX, BOX.matrix(64), mirrored=False)
    assert not heatmaps.any() and not weights.any()


def test_a_teacher_of_the_labels_says_what_they_say(tmp_path):
    people = fpd.load_mpii(fpd.synthesize(tmp_path / "people", count=12), "train")
    weights = people.annotated * np.float32(0.5)
    kept = TeacherJoints(people.joints, weights, CODEC, people.joint_set.flip_order)
    config = fpd.DataConfig(input_size=64, sigma=1.5, batch_size=4)
    batches = fpd.make_dataset(people, config, True, first_epoch=0, teacher=kept)
    for _, heatmaps, weights, (said, teacher_weights) in batches.take(3):
        np.testing.assert_allclose(said, heatmaps, atol=1e-4)
        np.testing.assert_array_equal(teacher_weights, 0.5 * weights)


@pytest.mark.parametrize(
    "joints, weights",
    [
        (np.zeros((1, 2, 3)), np.zeros((1, 2))),
        (np.zeros((1, 3, 2)), np.zeros((1, 3))),
        (np.zeros((2, 2, 2)), np.zeros((1, 2))),
        (np.full((1, 2, 2), np.inf), np.ones((1, 2))),
    ],
)
def test_what_does_not_fit_is_refused(joints, weights):
    with pytest.raises(InputError, match="^teacher: joints"):
        TeacherJoints(joints, weights, CODEC, (1, 0))
