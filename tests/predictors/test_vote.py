"""The vote: what wins and what it is worth, which views are taken, whose joints."""

import numpy as np
import pytest

from fpd_tf.contract.rules import rules_for
from fpd_tf.errors import InputError
from fpd_tf.joint_maps import joint_union
from fpd_tf.joints import JointSet
from fpd_tf.predictors.predictor import Prediction, Predictor
from fpd_tf.predictors.vote import elected, voted

HANDS = JointSet("hands", ("head", "right", "left"), flip_pairs=((1, 2),))
SIZE = 40


def brightest(image, color):
    return np.array(np.unravel_index(image[..., color].argmax(), image.shape[:2]))[::-1]


def one_look(image):
    """Red is the head; the bluer hand is left only where the head is above the hands.

    As a network does, it takes left for right in a mirrored or an upside-down crop.
    """
    head, green, blue = (brightest(image, color) for color in (0, 1, 2))
    right, left = sorted((green, blue), key=lambda place: place[0])
    upright = head[1] < min(right[1], left[1]) - 4
    return [head, right, left], np.full(3, 0.9 if upright else 0.4)


def watcher(look=one_look, joint_set=HANDS, size=SIZE, seen=None):
    def run(images):
        if seen is not None:
            seen.append(len(images))
        found = [look(image) for image in images]
        joints, scores = (
            np.array(each, np.float32) for each in zip(*found, strict=True)
        )
        return Prediction(joints, scores)

    return Predictor("watcher", size, joint_set, rules_for(joint_set), run)


def crop(head, right, left, size=50):
    """Blobs around three places (x, y)."""
    image = np.zeros((1, size, size, 3), np.float32)
    for color, (x, y) in enumerate((head, right, left)):
        image[0, y - 2 : y + 3, x - 2 : x + 3, color] = 0.5
        image[0, y, x, color] = 1.0
    return image


UPRIGHT = (25, 10), (12, 35), (36, 30)
LYING = (10, 25), (35, 38), (30, 14)  # turned a quarter to the left


@pytest.mark.parametrize("people", [UPRIGHT, LYING])
def test_joints_of_a_turned_crop_come_back_where_they_are(people):
    predictor = voted([watcher()], "turned")
    assert predictor.input_size == 50 and predictor.codec is None
    found = predictor(crop(*people))
    np.testing.assert_allclose(found.joints[0], people, atol=0.8)
    assert found.scores.min() > 0.6


def test_an_upright_look_alone_takes_a_lying_persons_hands_wrongly():
    found = voted([watcher()], "upright")(crop(*LYING))
    head, green, blue = LYING
    np.testing.assert_allclose(found.joints[0], [head, blue, green], atol=0.8)
    np.testing.assert_allclose(found.scores, 0.4, atol=1e-6)


def test_mirrored_views_swap_left_and_right_back():
    found = voted([watcher()], "mirrored")(crop(*UPRIGHT))
    np.testing.assert_allclose(found.joints[0], UPRIGHT, atol=0.8)
    np.testing.assert_allclose(found.scores, 0.9, atol=0.05)


@pytest.mark.parametrize(
    ("people", "views", "looks"),
    [
        (UPRIGHT, "upright", 1),
        (UPRIGHT, "mirrored", 2),
        (UPRIGHT, "turned", 2),
        (LYING, "turned", 2 + 3 + 1),
    ],
)
def test_only_who_is_not_clear_is_looked_at_turned(people, views, looks):
    seen = []
    voted([watcher(seen=seen)], views)(crop(*people))
    assert sum(seen) == looks


def test_each_crop_of_a_batch_gets_its_own_views():
    both = np.concatenate([crop(*UPRIGHT), crop(*LYING)])
    together = voted([watcher()], "turned")(both)
    for at in range(2):
        alone = voted([watcher()], "turned")(both[at : at + 1])
        np.testing.assert_allclose(together.joints[at], alone.joints[0], atol=1e-4)
        np.testing.assert_allclose(together.scores[at], alone.scores[0], atol=1e-6)


def test_the_place_with_most_votes_wins_and_near_votes_are_averaged():
    joints = np.array([[10.0, 0], [12, 0], [90, 0]]).reshape(3, 1, 1, 2)
    scores = np.array([0.5, 0.5, 0.9]).reshape(3, 1, 1)
    bell = np.exp(-(2**2) / (2 * 4**2))
    place, score = elected(joints, scores, np.ones((3, 1, 1)), radius=4.0)
    np.testing.assert_allclose(place[0, 0], [(10 + 12 * bell) / (1 + bell), 0], 1e-6)
    np.testing.assert_allclose(score[0, 0], 0.5 * (1 + bell) / 3, 1e-6)
    weights = np.array([1.0, 1.0, 3.0]).reshape(3, 1, 1)
    place, score = elected(joints, scores, weights, radius=4.0)
    np.testing.assert_allclose(place[0, 0], [90, 0], 1e-6)
    np.testing.assert_allclose(score[0, 0], 2.7 / 5, 1e-6)


def test_nobody_sure_of_anything_gives_scores_of_zero():
    blind = watcher(lambda image: (np.zeros((3, 2)), np.array([0.0, -0.1, 0.0])))
    found = voted([blind], "turned")(crop(*UPRIGHT))
    assert np.isfinite(found.joints).all() and not found.scores.any()


def test_predictors_of_other_joints_and_sizes_vote_by_name():
    knees = JointSet("knees", ("L_Knee", "left", "r_knee"), flip_pairs=((2, 0),))

    def low(image):
        return [[8.0, 9.0], [15.0, 15.0], [1.0, 2.0]], np.full(3, 0.5)

    def hands(image):
        return [[1.0, 1.0], [2.0, 2.0], [31.0, 31.0]], np.full(3, 0.8)

    predictors = watcher(hands), watcher(low, knees, size=20)
    together = voted(predictors, "upright")
    names = together.joint_set.joints
    assert names == ("head", "right", "left", "L_Knee", "r_knee")
    assert together.joint_set.flip_order.tolist() == [0, 2, 1, 4, 3]
    found = together(np.zeros((1, 50, 50, 3)))
    one, other = 31.5 * 45 / 40 + 2, 15.5 * 45 / 20 + 2
    bell = np.exp(-2 * (one - other) ** 2 / (2 * 2.5**2))
    left = (one + bell * other) / (1 + bell)
    np.testing.assert_allclose(found.joints[0, 2], left, atol=1e-4)
    np.testing.assert_allclose(found.joints[0, 3], [8.5 * 2.25 + 2, 9.5 * 2.25 + 2])
    np.testing.assert_allclose(found.scores[0, [0, 3]], [0.8, 0.5], atol=1e-6)
    assert found.scores[0, 2] == pytest.approx((1 + bell) / (1 / 0.8 + 1 / 0.5))


def test_a_union_keeps_the_only_set_as_it_is():
    assert joint_union([HANDS, HANDS]) is HANDS


def test_bad_votes_are_refused():
    with pytest.raises(InputError, match="predictors: expected one or more"):
        voted([])
    with pytest.raises(InputError, match="views: expected one of upright, mirro"):
        voted([watcher()], "sideways")
