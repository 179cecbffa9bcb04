"""K joints; crops of 64 px, heatmaps of 16 x 16 cells unless said."""

from dataclasses import replace

import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.codec import Heatmaps
from fpd_tf.data.teacher_heatmaps import TeacherHeatmaps
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box, apply_matrix
from fpd_tf.joints import MPII

CODEC = Heatmaps(64, sigma=1.5)
FLIP = tuple(MPII.flip_order.tolist())


def test_what_is_stored_is_off_by_less_than_a_five_hundredth(tmp_path):
    heatmaps = np.random.default_rng(1).random((8, 8, 3)).astype(np.float32)
    kept = TeacherHeatmaps(tmp_path, Heatmaps(32), (1, 0, 2), (0.5, 0.0, 1.0))
    kept.write(4, heatmaps)
    assert kept.missing(6) == [0, 1, 2, 3, 5]
    box = Box(50, 50, 60)
    back, weights = kept.for_crop(4, box, box.matrix(32), mirrored=False)
    np.testing.assert_allclose(back, heatmaps, atol=1 / 509)
    assert back.dtype == weights.dtype == np.float32
    assert weights.tolist() == [0.5, 0.0, 1.0]
    back, weights = kept.for_crop(4, box, box.matrix(32, 0, True), mirrored=True)
    np.testing.assert_allclose(back, heatmaps[:, ::-1, [1, 0, 2]], atol=1 / 509)
    assert weights.tolist() == [0.0, 0.5, 1.0]


def test_the_heatmaps_follow_the_augmentation(tmp_path):
    root = fpd.synthesize(tmp_path / "people", count=12)
    people = fpd.load_mpii(root, "train")
    people = people.of(replace(one, annotated=np.ones(16, bool)) for one in people)
    kept = TeacherHeatmaps(tmp_path, CODEC, FLIP)
    for index, person in enumerate(people):
        joints = apply_matrix(person.box.matrix(64), person.joints)
        kept.write(index, CODEC.encode(joints)[0])
    config = fpd.DataConfig(input_size=64, sigma=1.5, batch_size=4)
    batches = fpd.make_dataset(people, config, True, first_epoch=0, teacher=kept)
    for _, heatmaps, weights, (warped, teacher_weights) in batches.take(6):
        joints, _ = CODEC.decode(heatmaps)
        found, scores = CODEC.decode(warped)
        middle = (np.abs(joints - 31.5) < 24).all(axis=-1)
        seen = (weights.numpy() > 0) & middle & (scores > 0.5)
        assert seen.sum() > 10 and teacher_weights.shape == (4, 16)
        distances = np.linalg.norm(joints - found, axis=-1)[seen]
        assert np.median(distances) < 0.7 and distances.max() < 3.0


def test_a_missing_or_damaged_file_is_named(tmp_path):
    kept = TeacherHeatmaps(tmp_path, CODEC, FLIP)
    box = Box(50, 50, 60)
    for content in (None, b"", b"\x89PNG", b"text"):
        if content is not None:
            kept.path(0).write_bytes(content)
        with pytest.raises(
            InputError, match="000000.png: expected a whole PNG, the heatmaps of 16"
        ):
            kept.for_crop(0, box, box.matrix(64), mirrored=False)
    other = TeacherHeatmaps(tmp_path, Heatmaps(32), (0,))
    other.write(0, np.zeros((8, 8, 1)))
    with pytest.raises(
        InputError, match="000000.png: expected a whole PNG, the heatmaps of 16"
    ):
        kept.for_crop(0, box, box.matrix(64), mirrored=False)
