"""BlazePose: its joints, and a second look at a crop that is turned upright."""

import numpy as np
import pytest

from fpd_tf.contract.rules import rules_for
from fpd_tf.geometry import apply_matrix
from fpd_tf.joint_maps import joint_map
from fpd_tf.joints import COCO, JointSet
from fpd_tf.predictors.blazepose import (
    BLAZEPOSE,
    gives_landmarks,
    landmarks_predictor,
    upright_matrix,
)
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Prediction, Predictor
from fpd_tf.predictors.vote import TORSO, voted

HIP, SHOULDER = BLAZEPOSE.index("left_hip"), BLAZEPOSE.index("right_shoulder")


class Seeing:
    """Shoulders at the brightest green, all else at the brightest red, as logits."""

    shapes = [(1, 1), (1, 195)]
    input_size, path = 64, "seeing"

    def __init__(self):
        self.seen = []

    def __call__(self, images):
        self.seen.append(images)
        found = np.zeros((len(images), 39, 5))
        for at, image in enumerate(images):
            red, green = (self.brightest(image, color) for color in (0, 1))
            found[at, :, :2] = np.add(red, 0.5)
            found[at, 11:13, :2] = np.add(green, 0.5)
        found[..., 3] = np.log(3)
        return [np.zeros((len(images), 1)), found.reshape(len(images), 195)]

    def brightest(self, image, color):
        return np.unravel_index(image[..., color].argmax(), (64, 64))[::-1]


def test_the_second_look_is_upright_and_comes_back():
    network, images = Seeing(), np.zeros((1, 64, 64, 3), np.float32)
    hip, shoulder = (40, 30), (22, 32)  # lying, head to the left
    for color, (x, y) in enumerate((hip, shoulder)):
        images[0, y - 1 : y + 2, x - 1 : x + 2, color] = 0.5
        images[0, y, x, color] = 1.0
    found = landmarks_predictor(network)(images)
    first, second = network.seen
    np.testing.assert_array_equal(first, images)
    below, above = (network.brightest(second[0], color) for color in (0, 1))
    assert abs(below[0] - above[0]) <= 1 and below[1] - above[1] > 15
    np.testing.assert_allclose(
        found.joints[0, [HIP, SHOULDER]], [hip, shoulder], atol=1
    )
    np.testing.assert_allclose(found.scores, 0.75)


def test_joints_that_are_certainly_hidden_score_zero():
    class Hidden(Seeing):
        def __call__(self, images):
            return [None, np.full((len(images), 195), -200, np.float32)]

    found = landmarks_predictor(Hidden())(np.zeros((1, 64, 64, 3)))
    np.testing.assert_allclose(found.scores, 0, atol=1e-30)


@pytest.mark.parametrize("alone", [False, True])
def test_in_a_vote_the_others_turn_it_upright(alone):
    """The guide knows where the hips are, which the network itself would not find."""
    hip, shoulder = (50, 40), (25, 42)
    torso = {name: hip if "hip" in name else shoulder for name in TORSO}
    guide = JointSet("torso", tuple(torso))

    def know(images):
        place = (np.array(list(torso.values())) + 0.5) / 0.9 / 80 * 40 - 2.72
        return Prediction(np.tile(place, (len(images), 1, 1)), np.ones((1, 4)))

    first = Predictor("guide", 40, guide, rules_for(guide), know)
    network, images = Seeing(), np.zeros((1, 80, 80, 3), np.float32)
    for color, (x, y) in enumerate((hip, shoulder)):
        images[0, y - 1 : y + 2, x - 1 : x + 2, color] = 1.0
    both = landmarks_predictor(network), first
    together = voted(both, "mirrored", only=both[0] if alone else None)
    found = together(images)
    assert together.joint_set.num_joints == 33
    own_score = found.scores[0, HIP] == pytest.approx(0.75, abs=0.02)
    assert own_score == alone
    assert together.input_size == 80 and len(network.seen) == 4
    for plain, mirror in (network.seen[:2], network.seen[2:]):
        np.testing.assert_array_equal(plain[:, :, ::-1], mirror)
        below, above = (network.brightest(plain[0], color) for color in (0, 1))
        assert abs(below[0] - above[0]) <= 3 and below[1] - above[1] > 12


def test_the_upright_crop_lies_around_the_hips():
    joints = np.tile([50.0, 40.0], (33, 1))
    joints[11:13] = 50, 60
    joints[0] = 50, 70
    matrix = upright_matrix(joints, BLAZEPOSE, 256)
    middle = apply_matrix(matrix, joints[[HIP, SHOULDER]])
    scale = 256 / (2.3 * 1.15 * 30)
    np.testing.assert_allclose(middle, [[127.5, 127.5], [127.5, 127.5 - 20 * scale]])


def test_all_points_at_one_place_still_have_a_crop():
    assert np.isfinite(upright_matrix(np.zeros((33, 2)), BLAZEPOSE, 256)).all()


def test_its_joints_are_coco_s_and_more():
    assert joint_map(BLAZEPOSE, COCO).known.all()
    names = BLAZEPOSE.joints
    assert len(names) == 33 and names[23:25] == ("left_hip", "right_hip")
    assert (names[15], names[20], names[31]) == (
        *("left_wrist", "right_index", "left_foot_index"),
    )
    order = BLAZEPOSE.flip_order
    assert names[order[1]] == "right_eye_inner" and names[order[9]] == "mouth_right"
    assert (order != np.arange(33)).sum() == 32


def test_a_file_of_its_shapes_is_recognised(foreign_file):
    import tensorflow as tf

    def landmarks(image):
        flat = tf.reshape(image, (1, -1))
        return flat[:, :195], flat[:, :1], image[..., :1], image, flat[:, :117]

    predictor = load_predictor(foreign_file(landmarks, (1, 64, 64, 3), "float32"))
    assert predictor.joint_set is BLAZEPOSE and predictor.input_size == 64
    assert predictor(np.zeros((2, 64, 64, 3))).joints.shape == (2, 33, 2)


@pytest.mark.parametrize("shapes", [[(1, 195)], [(1, 1, 17, 3)], [(1, 39, 5), (1, 1)]])
def test_what_gives_no_landmarks(shapes):
    assert not gives_landmarks(shapes)
