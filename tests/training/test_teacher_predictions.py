"""A teacher predicts everybody once: in processes of its own, and never twice."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fpd_tf.contract.rules import rules_for
from fpd_tf.data.people import People, Sample
from fpd_tf.data.photograph import Photograph
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import COCO, MPII
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Prediction, Predictor
from fpd_tf.predictors.vote import voted
from fpd_tf.quiet import quiet
from fpd_tf.training import teacher_predictions as module
from fpd_tf.training.teacher_predictions import predicted_joints, teacher_predictions

PLACES = {"left_wrist": (12, 30), "right_wrist": (25, 9), "nose": (33, 33)}


@pytest.fixture(scope="module")
def colorful(tmp_path_factory):
    """Three people on photographs of other sizes, joints red, green and blue."""
    folder, samples = tmp_path_factory.mktemp("colorful"), []
    for index in range(3):
        pixels = np.zeros((50 + index, 60, 3), np.uint8)
        for color, (x, y) in enumerate(PLACES.values()):
            pixels[y - 1 : y + 2, x + index - 1 : x + index + 2, color] = 200
            pixels[y, x + index, color] = 255
        path = folder / f"{index}.png"
        Image.fromarray(pixels).save(path)
        nothing = np.zeros(16, bool)
        box = Box(24, 24, 50)
        samples.append(Sample(path, np.zeros((16, 2)), nothing, nothing, box))
    return People(samples, MPII)


def check(predicted):
    at = [COCO.index(name) for name in PLACES]
    for index in range(3):
        expected = np.array(list(PLACES.values())) + [index, 0]
        np.testing.assert_allclose(predicted.joints[index, at], expected, atol=1.0)


def test_joints_are_pixels_of_the_photograph(colorful, movenet_file):
    predicted = predicted_joints(load_predictor(movenet_file), colorful)
    check(predicted)
    assert predicted.scores.shape == (3, 17) and predicted.scores.min() > 0.6


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
def test_a_quantized_teacher_predicts_what_its_float_twin_does(
    colorful, foreign_file, tmp_path
):
    import tensorflow as tf

    def heatmaps(image):
        return tf.nn.avg_pool2d(image, 4, 4, "VALID")

    spec = tf.TensorSpec((1, 32, 32, 3), name="input")
    concrete = tf.function(heatmaps, input_signature=[spec]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    whole = np.linspace(0, 1, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)
    converter.representative_dataset = lambda: [[whole]]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with quiet():
        (tmp_path / "int8.tflite").write_bytes(converter.convert())
    twin = foreign_file(heatmaps, dtype="float32", name="float")
    quantized, float32 = (
        predicted_joints(load_predictor(file), colorful)
        for file in (tmp_path / "int8.tflite", twin)
    )
    assert float32.scores.min() > 0.05
    np.testing.assert_allclose(quantized.joints, float32.joints, atol=0.1)
    np.testing.assert_allclose(quantized.scores, float32.scores, atol=0.01)


@pytest.mark.parametrize(("views", "looks"), [("mirrored", 2), ("turned", 8)])
def test_several_views_cost_one_decode_of_a_person(colorful, monkeypatch, views, looks):
    decoded, looked = [], []
    decode = Photograph.decoded
    monkeypatch.setattr(
        Photograph, "decoded", lambda *given: decoded.append(given) or decode(*given)
    )

    def unsure(images):
        looked.extend(images)
        return Prediction(
            np.zeros((len(images), 16, 2)), np.full((len(images), 16), 0.4)
        )

    teacher = Predictor("unsure", 32, MPII, rules_for(MPII), unsure)
    predicted_joints(voted([teacher, teacher], views), colorful)
    assert len(decoded) == len(colorful) == 3
    assert len(looked) == 2 * looks * len(colorful)


def test_files_run_in_processes_and_predictions_are_kept(
    colorful, movenet_file, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    joint_set, predicted = teacher_predictions(
        colorful, [movenet_file], tmp_path, "upright"
    )
    assert joint_set is COCO
    check(predicted)
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.glob("*.npz"))) == 2
    not_kept = []
    monkeypatch.setattr(
        module, "predicted_by_files", lambda *given: not_kept.extend(given[2]) or []
    )
    backwards = colorful.of(reversed(colorful))
    _, again = teacher_predictions(backwards, [movenet_file], tmp_path, "upright")
    assert not not_kept
    np.testing.assert_array_equal(again.joints[::-1], predicted.joints)
    next(folder.glob("*.npz")).unlink()
    with pytest.raises(KeyError):
        teacher_predictions(colorful, [movenet_file], tmp_path, "upright")
    assert 1 <= len(not_kept) <= 2


def test_other_views_and_other_teachers_are_kept_apart(
    colorful, movenet_file, tiny_network, tmp_path
):
    one, other = tiny_network(), tiny_network(seed=1)
    for teachers, views in (
        *(([one], "upright"), ([one], "mirrored"), ([other], "upright")),
        ([movenet_file, one], "upright"),
    ):
        joint_set, predicted = teacher_predictions(colorful, teachers, tmp_path, views)
        assert predicted.scores.shape == (3, joint_set.num_joints)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_contract_that_changes_what_a_file_says_keeps_it_apart(
    colorful, movenet_file, tmp_path
):
    file = Path(shutil.copy(movenet_file, tmp_path / "other.tflite"))
    told = {"version": 1, "joints": COCO.joints}
    for darker in (255, 51):
        told["image"] = {"range": [0, darker]}
        file.with_suffix(".pose.json").write_text(json.dumps(told))
        given = colorful, [file], tmp_path / "kept", "upright"
        _, predicted = teacher_predictions(*given)
        assert (predicted.scores.max() > 0.5) == (darker == 255)
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_photograph_that_is_gone_is_named_by_the_process(
    colorful, movenet_file, tmp_path
):
    path = tmp_path / "torn.png"
    path.write_bytes(colorful[0].image_path.read_bytes()[:60])
    torn = [colorful[0], replace(colorful[1], image_path=path)]
    with pytest.raises(InputError, match="torn.png: expected a whole photograph"):
        teacher_predictions(torn, [movenet_file], tmp_path / "kept")


def test_what_older_versions_kept_lies_in_the_same_folder(
    colorful, movenet_file, tmp_path
):
    teacher_predictions(colorful, [movenet_file], tmp_path, "upright")
    (folder,) = tmp_path.iterdir()
    file = hashlib.sha256(movenet_file.read_bytes()).hexdigest()
    vote = [0.9, 1.25, 0.05, 4, 0.6]
    about = {"teachers": [file], "views": "upright", "vote": vote}
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    assert folder.name == key
    assert json.loads((folder / "about.json").read_text()) == {
        "names": [str(movenet_file)],
        **about,
        "joint_set": json.loads(json.dumps(COCO.as_dict())),
    }


def test_cores_are_counted_where_a_process_has_no_list_of_them(monkeypatch):
    """macOS and Windows."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert module._cores() == 6
