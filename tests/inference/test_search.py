import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import Search, rules_for
from fpd_tf.geometry import Box
from fpd_tf.inference import estimator
from fpd_tf.inference.crop import squares
from fpd_tf.inference.estimator import Pose
from fpd_tf.inference.photographs import predict_files
from fpd_tf.inference.search import CLOSER, find_people, find_person
from fpd_tf.joints import LSP
from fpd_tf.predictors.predictor import heatmap_predictor

SIZE = 64
RULES = rules_for(LSP)
SHORTER = st.integers(40, 300)


@given(SHORTER, SHORTER)
def test_every_place_is_well_inside_a_square_of_each_size(width, height):
    """A half overlap: nothing is nearer than a quarter of the side to every edge."""
    found = squares(width, height, RULES)
    for share in Search().sides:
        side = share * max(width, height)
        same = [each for each in found if each.side == side]
        for length, centres in (
            (width, {each.x for each in same}),
            (height, {each.y for each in same}),
        ):
            at = np.linspace(min(side, length) / 4, length - min(side, length) / 4, 50)
            nearest = np.abs(at[:, None] - sorted(centres)).min(axis=1)
            assert nearest.max() <= side / 4 + 0.5
            if side < length:
                assert min(centres) == (side - 1) / 2
                assert max(centres) == pytest.approx(length - (side + 1) / 2)


def test_the_surest_square_is_looked_at_closer():
    """A torso of 40 px, seen in the square of 100 px around it and nowhere else."""
    looks = []

    def look(box):
        looks.append(box)
        away = max(abs(box.x - 150), abs(box.y - 40)) + abs(box.side - 100)
        joints = np.full((14, 2), (150.0 if away < 20 else 20.0, 60.0))
        joints[8:10, 1] = 20
        return Pose(joints, np.full(14, 1 / (1 + away / 100)))

    find_person(look, 200, 100, RULES)
    searched, closer = looks[:-CLOSER], looks[-CLOSER:]
    assert len(searched) == len(squares(200, 100, RULES))
    assert set(closer) == {Box(150.0, 40.0, 100.0)}


PEOPLE = {(75, 0.9), (225, 0.6), (150, 0.1)}


def crowd(box):
    """Whoever stands nearest to the middle of a square; people are 40 pixels wide."""
    x, score = min(PEOPLE, key=lambda person: abs(person[0] - box.x))
    joints = np.full((14, 2), (x - 20.0, 20.0))
    joints[8:, :] = (x + 20.0, 80.0)
    away = abs(x - box.x) / 200 + abs(box.side - 150) / 1000
    return Pose(joints, np.full(14, score * max(0.0, 1 - away)))


def test_people_are_found_once_each_the_surest_first():
    found = find_people(crowd, 300, 100, rules_for(LSP), most=9)
    assert [pose.joints[:, 0].mean().round() for pose in found] == [72, 222]
    assert found[0].scores[0] > found[1].scores[0] > 0.2
    (one,) = find_people(crowd, 300, 100, rules_for(LSP), most=1)
    np.testing.assert_array_equal(one.joints, found[0].joints)


def test_two_poses_are_one_person_where_their_joints_overlap(monkeypatch):
    monkeypatch.setattr("fpd_tf.inference.search.SAME", 2.0)
    assert len(find_people(crowd, 300, 100, rules_for(LSP), most=9)) > 2


def test_photographs_without_a_box_are_searched(tmp_path, monkeypatch):
    """Hips on a red dot, shoulders on a green one 80 pixels above: 2.5 x 80 = 200."""
    looks = []

    def colour_finder(images):
        looks.append(images)
        cells = images.reshape(1, SIZE // 4, 4, SIZE // 4, 4, 3).mean(axis=(2, 4))
        return np.repeat(cells[..., :2], 7, axis=-1)

    made = heatmap_predictor("d", Heatmaps(SIZE), LSP, RULES, colour_finder)
    monkeypatch.setattr(estimator, "load_predictor", lambda model: made)
    image = np.zeros((400, 400, 3), np.uint8)
    for y, colour in ((320, (0, 0, 255)), (240, (0, 255, 0))):
        cv2.circle(image, (300, y), 12, colour, -1, cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    (record,) = predict_files([tmp_path / "a.png"], "m")
    np.testing.assert_allclose(record["joints"][2][:2], (300, 320), atol=2)
    count = len(squares(400, 400, RULES)) + CLOSER
    assert len(looks) == count
    assert looks[-1].sum() / looks[0].sum() == pytest.approx((400 / 200) ** 2, rel=0.1)
    predict_files([tmp_path / "a.png"], "m", box=(200, 200, 200, 200))
    assert len(looks) == count + 1
