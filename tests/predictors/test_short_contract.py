"""pose.json in short beside files that were made elsewhere."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fpd_tf.contract.pose_json import contract_path
from fpd_tf.errors import InputError
from fpd_tf.joints import COCO
from fpd_tf.predictors.load import load_predictor

HELD = Path(__file__).parents[1] / "golden" / "tiny.tflite"
FACE = ["left_eye", "right_eye", "nose"]
SHORT = {"version": 1, "joints": FACE}


def first_pixel_as_joints(image):
    """(1, 3, 3): three joints, y, x and score the first pixel's three levels."""
    import tensorflow as tf

    return tf.repeat(tf.cast(image[:, 0, :1, :], tf.float32), 3, axis=1)


def heatmaps_of_the_image(image):
    """(1, 8, 8, 3): each fourth pixel, as it went in."""
    import tensorflow as tf

    return tf.cast(image[:, ::4, ::4, :], tf.float32)


@pytest.fixture(scope="module")
def of_joints(foreign_file):
    return foreign_file(first_pixel_as_joints, dtype="float32", name="joints")


@pytest.fixture(scope="module")
def of_heatmaps(foreign_file):
    return foreign_file(heatmaps_of_the_image, dtype="float32", name="heatmaps")


def beside(file, folder, content):
    """A copy of the file with a contract beside it."""
    copy = Path(shutil.copy(file, folder))
    text = content if isinstance(content, str) else json.dumps(content)
    contract_path(copy).write_text(text)
    return copy


def crop(*levels):
    return np.full((1, 32, 32, 3), levels, np.float32)


def test_it_names_joints_and_says_the_range(of_joints, tmp_path):
    told = SHORT | {"image": {"size": 32, "range": [-1, 1]}, "limbs": [[0, 2]]}
    predictor = load_predictor(beside(of_joints, tmp_path, told))
    assert list(predictor.joint_set.joints) == FACE
    assert predictor.joint_set.flip_pairs == ((1, 0),)
    assert predictor.joint_set.limbs == ((0, 2),)
    found = predictor(crop(1.0, 0.5, 0.75))  # y = 1, x = 0, score 0.5
    np.testing.assert_allclose(found.joints[0, 2], [-0.5, 31.5])
    np.testing.assert_allclose(found.scores[0], 0.5)
    plain = load_predictor(of_joints)
    assert plain.joint_set.joints[0] == "joint_0"
    np.testing.assert_allclose(plain(crop(1.0, 0.5, 0.75)).scores[0], 0.75)


def test_heatmaps_have_it_too(of_heatmaps, tmp_path):
    told = SHORT | {"image": {"range": [0, 255]}}
    predictor = load_predictor(beside(of_heatmaps, tmp_path, told))
    assert list(predictor.joint_set.joints) == FACE and predictor.codec.stride == 4
    np.testing.assert_allclose(
        predictor(crop(1, 0.2, 0)).heatmaps[0, 0, 0], [255, 51, 0]
    )


@pytest.mark.parametrize(
    ("dtype", "first"), [("uint8", 0), ("int32", 0), ("int8", -128)]
)
def test_an_integer_image_without_a_scale_gets_levels(foreign_file, dtype, first):
    predictor = load_predictor(foreign_file(heatmaps_of_the_image, dtype=dtype))
    seen = predictor(crop(1, 0.2, 0)).heatmaps[0, 0, 0]
    np.testing.assert_allclose(seen, np.array([255, 51, 0]) + first)


def test_names_of_a_known_set_are_that_set(foreign_file, movenet_like, tmp_path):
    file = foreign_file(movenet_like, name="known")
    told = {"version": 1, "joints": COCO.joints, "image": {"range": [0, 255]}}
    predictor = load_predictor(beside(file, tmp_path, told))
    assert predictor.joint_set is COCO
    np.testing.assert_allclose(predictor(crop(1, 0.2, 0)).scores[0, 1:3], [1, 0.2])


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("{", r"joints.pose.json: expected a contract \(pose.json\)"),
        ("[]", "joints.pose.json: expected .*Received: \\[\\]"),
        ({"joints": FACE}, "joints.pose.json: version: "),
        (SHORT | {"version": 2}, "joints.pose.json: version: expected 1. Received: 2"),
        (SHORT | {"rang": [0, 1]}, "joints.pose.json: rang: expected the fields of"),
        (
            {"version": 1, "joints": FACE[:2]},
            "joints: expected 3, as joints.tflite has",
        ),
        (
            {"version": 1, "joints": ["a", "a", "b"]},
            "joints: expected names, each once",
        ),
        (SHORT | {"image": {"size": 64}}, "image.size: expected 32, as joints.tflite"),
        (SHORT | {"image": {"range": [1, 1]}}, "image: expected range: the smaller"),
        (SHORT | {"limbs": [[0, 3]]}, "limbs: expected indices 0 to 2. Received: 3"),
        (
            contract_path(HELD).read_text(),
            "joints.pose.json: it cannot describe joints",
        ),
    ],
)
def test_what_does_not_suit_is_one_sentence(of_joints, tmp_path, content, refusal):
    with pytest.raises(InputError, match=refusal):
        load_predictor(beside(of_joints, tmp_path, content))
