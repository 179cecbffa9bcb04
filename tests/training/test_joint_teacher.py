"""Students taught by networks that say joints: matched by name, weighed by surety."""

import json

import numpy as np
import pytest
from PIL import Image

import fpd_tf as fpd
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP, JointSet
from fpd_tf.models.keras_file import load_network
from fpd_tf.training.joint_teacher import joint_teacher

DATA = fpd.DataConfig(input_size=32, batch_size=2, seed=5)
RED, GREEN = (12, 30), (25, 9)


@pytest.fixture(scope="module")
def nobody_labelled(tmp_path_factory):
    """Four people without a label; left joints are red, right ones green."""
    pixels = np.zeros((50, 50, 3), np.uint8)
    for color, (x, y) in enumerate((RED, GREEN)):
        pixels[y - 1 : y + 2, x - 1 : x + 2, color] = 250
    path = tmp_path_factory.mktemp("photographs") / "one.png"
    Image.fromarray(pixels).save(path)
    none = np.zeros(14, bool)
    person = Sample(path, np.zeros((14, 2)), none, none, Box(24.5, 24.5, 50))
    return People([person] * 4, LSP)


def test_joints_are_matched_by_name_and_weighed_by_surety(
    nobody_labelled, movenet_file, tmp_path
):
    kept = joint_teacher(movenet_file, "upright").of(nobody_labelled, DATA, tmp_path)
    left, right = LSP.index("left_knee"), LSP.index("right_wrist")
    np.testing.assert_allclose(kept.joints[0, left], RED, atol=1.0)
    np.testing.assert_allclose(kept.joints[3, right], GREEN, atol=1.0)
    middle = (np.array(RED) + GREEN) / 2
    np.testing.assert_allclose(kept.joints[0, LSP.index("neck")], middle, atol=1.0)
    assert (kept.weights[:, LSP.index("head_top")] == 0).all()
    assert (kept.weights[:, : LSP.index("head_top")] > 0.6).all()
    assert kept.weights.max() <= 1


def test_a_student_learns_from_a_tflite_alone(
    nobody_labelled, movenet_file, tiny_network, tmp_path
):
    config = fpd.TrainConfig(epochs=1, data=DATA)
    how = {"teacher": [movenet_file], "views": "upright"}
    network = tiny_network(num_joints=14)
    before = network.get_layer("stack0_score").bias.numpy()
    run = fpd.train(nobody_labelled, tmp_path / "run", config, network=network, **how)
    trained = load_network(run / "student.keras")
    settings = json.loads((run / "config.json").read_text())
    assert settings["teacher"] == f"{movenet_file} (upright)"
    moved = np.abs(trained.get_layer("stack0_score").bias.numpy() - before) > 0
    assert moved[: LSP.index("head_top")].all() and not moved[LSP.index("head_top")]
    assert len(list((tmp_path / "teacher-cache").glob("*/*.npz"))) == 1


def test_teachers_that_cannot_teach_are_refused(
    nobody_labelled, movenet_file, tiny_network, tmp_path
):
    config = fpd.TrainConfig(epochs=1, data=DATA)
    tail = JointSet("tail", ("tip",))
    known = np.zeros(1, bool)
    path, box = nobody_labelled[0].image_path, nobody_labelled[0].box
    person = Sample(path, np.zeros((1, 2)), known, known, box)
    people = People([person] * 4, tail)
    with pytest.raises(InputError, match="movenet.tflite: joints: .* of tail's"):
        network = tiny_network(num_joints=1)
        fpd.train(people, tmp_path / "a", config, teacher=movenet_file, network=network)
    network, teacher = tiny_network(num_joints=14), tiny_network(num_joints=14, seed=1)
    how = {"network": network, "teacher": teacher, "views": "upright"}
    with pytest.raises(InputError, match="views: go with a teacher that runs once"):
        fpd.train(nobody_labelled, tmp_path / "b", config, **how)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_each_of_several_teachers_needs_a_joint_in_common(movenet_file, foreign_file):
    import tensorflow as tf

    def nine(image):
        first = tf.cast(tf.reshape(image, (-1,))[0], tf.float32)
        return tf.zeros((1, 1, 9, 3)) + first

    nameless = foreign_file(nine, name="nine")
    joint_teacher([movenet_file], "upright").check(LSP)
    said = r"nine\.tflite: joints: expected one or more of lsp.* in nine.pose.json"
    with pytest.raises(InputError, match=said):
        joint_teacher([movenet_file, nameless], "upright").check(LSP)


def test_a_teacher_that_sees_nothing_at_all_is_refused(movenet_file, tmp_path):
    dark = tmp_path / "dark.png"
    Image.new("RGB", (50, 50)).save(dark)
    none = np.zeros(14, bool)
    people = People([Sample(dark, np.zeros((14, 2)), none, none, Box(24, 24, 50))], LSP)
    with pytest.raises(InputError, match="movenet.* sees no joint of anybody"):
        joint_teacher([movenet_file], "upright").of(people, DATA, tmp_path / "kept")


def test_a_network_alone_speaks_in_heatmaps_unless_it_is_turned(tiny_network):
    one = tiny_network(num_joints=14)
    assert joint_teacher(one, None) is None
    assert joint_teacher([one], "mirrored") is None
    assert joint_teacher(one, "turned").views == "turned"
    assert joint_teacher([one, one], "upright").name == "tiny + tiny (upright)"
    assert joint_teacher("a.tflite", None).views == "turned"
    for other in (3, ["a.tflite", 3]):
        with pytest.raises(InputError, match="teacher: expected .*list.*Received: int"):
            joint_teacher(other, None)
