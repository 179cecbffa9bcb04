"""What holds for any person, box and crop. K joints."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fpd_tf.codec import decode_heatmaps, encode_heatmaps
from fpd_tf.data.mpii import load_mpii
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.joints import JOINT_SETS, MPII

often = settings(deadline=None, derandomize=True, database=None, max_examples=200)
seldom = settings(often, max_examples=50)

pixels = st.floats(-9e4, 9e4)
points = arrays(np.float64, (5, 2), elements=st.floats(-1e3, 1e3))
joints = arrays(np.float64, (16, 2), elements=pixels)
flags = st.lists(st.integers(0, 1), min_size=16, max_size=16)
scales = st.floats(0.01, 40)
crops = {
    "box": st.builds(
        Box, st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(2, 8000)
    ),
    "size": st.integers(16, 512),
    "rotation": st.floats(-360, 360),
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=16) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
strange_person = st.fixed_dictionaries(
    {},
    optional={
        "image": st.just("a.jpg") | anything,
        "joints": joints.map(np.ndarray.tolist) | anything,
        "joints_vis": flags | anything,
        "center": st.just([5.0, 5.0]) | anything,
        "scale": scales | anything,
        "head_box": anything,
    },
)


@often
@given(points=points, **crops)
def test_a_crop_and_its_inverse(points, box, size, rotation):
    matrix = box.matrix(size, rotation)
    back = apply_matrix(invert_matrix(matrix), apply_matrix(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-6)
    np.testing.assert_allclose(invert_matrix(invert_matrix(matrix)), matrix, atol=1e-6)


@often
@given(**crops)
def test_a_crop_keeps_angles_and_is_as_wide_as_its_box(box, size, rotation):
    matrix = box.matrix(size, rotation)
    turn = matrix[:, :2] * (box.side / size)
    np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turn), 1)
    middle = apply_matrix(matrix, np.array([[box.x, box.y]]))
    np.testing.assert_allclose(middle, [[(size - 1) / 2] * 2], atol=1e-6)


@often
@given(st.data(), st.integers(6, 64), st.integers(1, 8), st.floats(1, 4))
def test_decoding_is_the_inverse_of_encoding(data, size, stride, sigma):
    inside = st.floats(2 * stride, (size - 2) * stride - 1)
    joints = data.draw(arrays(np.float64, (4, 2), elements=inside))
    heatmaps, weights = encode_heatmaps(joints, size=size, stride=stride, sigma=sigma)
    decoded, _ = decode_heatmaps(heatmaps, stride=stride)
    np.testing.assert_allclose(decoded, joints, atol=2e-3 * stride)
    assert weights.all()


@often
@given(st.sampled_from(sorted(JOINT_SETS)), st.data())
def test_a_mirrored_person_has_mirrored_heatmaps_and_twice_is_once(name, data):
    joint_set = JOINT_SETS[name]
    order = np.array(joint_set.flip_order)
    on_crop = st.floats(-20, 84)
    shape = (joint_set.num_joints, 2)
    joints = data.draw(arrays(np.float64, shape, elements=on_crop))
    np.testing.assert_array_equal(order[order], np.arange(len(order)))
    mirrored = ([63, 0] + [-1, 1] * joints)[order]
    heatmaps, weights = encode_heatmaps(joints, size=16)
    other, other_weights = encode_heatmaps(mirrored, size=16)
    near_an_edge = np.abs(np.abs(joints - 31.5) - 32).min(axis=1) < 1e-3
    kept = ~near_an_edge
    np.testing.assert_array_equal(other_weights[order][kept], weights[kept])
    np.testing.assert_allclose(
        other[:, ::-1, order][..., kept], heatmaps[..., kept], atol=1e-5
    )


def loaded(people):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annot" / "train.json"
        path.parent.mkdir()
        path.write_text(json.dumps(people))
        return load_mpii(folder)


@seldom
@given(joints, flags, st.tuples(pixels, pixels), scales)
def test_what_is_written_is_what_is_read(joints, flags, center, scale):
    joints[0] = 7
    person = {"image": "a/b.jpg", "joints": joints.tolist(), "joints_vis": flags}
    (sample,) = loaded([person | {"center": center, "scale": scale}])
    known = (np.array(flags) > 0) | (joints > 0).any(axis=1)
    np.testing.assert_array_equal(sample.annotated, known)
    np.testing.assert_array_equal(sample.visible, np.array(flags) > 0)
    expected = np.where(known[:, None], joints - 1, 0)
    np.testing.assert_allclose(sample.joints, expected, rtol=1e-6)
    lowered = np.add(center, [-1, 15 * scale - 1]).tolist()
    assert [sample.box.x, sample.box.y] == pytest.approx(lowered, abs=1e-9)
    assert sample.box.side == pytest.approx(250 * scale)
    assert len(sample.joints) == MPII.num_joints


@often
@given(st.lists(strange_person | anything, max_size=3) | anything)
def test_a_strange_annotation_is_read_or_refused(people):
    try:
        samples = loaded(people)
    except InputError as error:
        assert "\n" not in str(error)
        return
    for sample in samples:
        box = sample.box
        assert np.isfinite(sample.joints).all() and np.isfinite([box.x, box.y]).all()
        assert 0 < box.side < 2e8 and sample.annotated.any()
