import numpy as np
import pytest

from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import Crop, Rules, Smoothing, rules_for
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box, apply_matrix
from fpd_tf.inference import track as tracking
from fpd_tf.inference.crop import next_region, squares, upright_matrix
from fpd_tf.inference.smoothing import OneEuro
from fpd_tf.inference.track import Track, Tracker
from fpd_tf.joints import LSP, JointSet
from fpd_tf.predictors.predictor import heatmap_predictor

RULES = rules_for(LSP)
HIPS, SHOULDERS, HEAD = (2, 3), (8, 9), 13
SIZE = 64
CODEC = Heatmaps(SIZE, sigma=1.0)


def person(x=300.0, y=200.0, unit=10.0):
    """Hips at (x, y), shoulders 4 units above, head 8 units above, the rest at hips."""
    joints = np.full((14, 2), (x, y))
    joints[list(SHOULDERS), 1] -= 4 * unit
    joints[HEAD, 1] -= 8 * unit
    return joints


def region_of(joints, scores=None, width=640, height=480):
    scores = np.ones(14) if scores is None else scores
    return next_region(joints, scores, width, height, RULES.crop)


def test_the_crop_is_the_box_of_the_body_or_of_the_torso_with_a_margin():
    assert region_of(person()) == Box(300.0, 160.0, 1.4 * 80)
    near = person()
    near[HEAD, 1] = 200 - 50
    assert region_of(near) == Box(300.0, 175.0, 2.5 * 40)


def test_joints_that_are_not_followed_do_not_count():
    joints, scores = person(), np.ones(14)
    scores[HEAD] = scores[2] = 0.09
    joints[2] = joints[HEAD] = (0, 0)
    assert region_of(joints, scores) == Box(300.0, 180.0, 2.5 * 40)


@pytest.mark.parametrize("unseen", [HIPS, SHOULDERS, range(14)])
def test_without_a_torso_the_whole_frame_is_looked_at(unseen):
    scores = np.ones(14)
    scores[list(unseen)] = 0.09
    assert region_of(person(), scores) == Box(319.5, 239.5, 640.0)


def test_where_there_are_no_hips_and_shoulders_the_crop_is_the_box_of_the_joints():
    hand = JointSet("hand", ("wrist", "thumb", "finger"))
    joints, scores = np.array([[100.0, 100], [140, 100], [0, 0]]), np.array([1, 1, 0])
    rule = rules_for(hand).crop
    assert next_region(joints, scores, 640, 480, rule) == Box(120, 100, 1.4 * 40)
    assert next_region(joints, 0 * scores, 640, 480, rule) == Box.whole(640, 480)
    assert len(squares(640, 480, rules_for(hand))) > 1


def test_a_crop_larger_than_the_frame_is_the_whole_frame():
    assert region_of(person(unit=57)).side == pytest.approx(638.4)
    assert region_of(person(unit=58)) == Box.whole(640, 480)


def test_a_crop_of_a_few_pixels_is_not_believed():
    assert region_of(person(unit=3.0)).side == pytest.approx(33.6)
    assert region_of(person(unit=2.8)).side == 640
    assert region_of(np.full((14, 2), 50.0)).side == 640


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_stored_frame_is_turned_and_unmirrored(rotation, mirrored):
    stored = np.arange(12).reshape(3, 4)
    upright = np.rot90(stored, -rotation // 90)
    upright = upright[:, ::-1] if mirrored else upright
    matrix, width, height = upright_matrix(4, 3, rotation, mirrored)
    assert (height, width) == upright.shape
    for (y, x), value in np.ndenumerate(stored):
        ((column, row),) = apply_matrix(matrix, np.array([[x, y]])).astype(int)
        assert upright[row, column] == value


def test_only_quarter_turns_are_known():
    with pytest.raises(InputError, match="rotation: expected 0, 90, 180 or 270"):
        upright_matrix(4, 3, 45)


def smoothed(values, times, scores=None, rule=Smoothing(), side=100.0):  # noqa: B008
    smooth = OneEuro(rule, 0.2)
    scores = np.ones(len(values)) if scores is None else scores
    return [
        smooth(np.array([[x, 0.0]]), np.array([score]), seconds, side)[0, 0]
        for x, score, seconds in zip(values, scores, times, strict=True)
    ]


def test_one_euro_by_hand():
    rule = Smoothing(min_cutoff=1.0, beta=2.0, derivative_cutoff=0.5)
    period, tau = 0.25, 2 * np.pi
    slow = 1 / (1 + 1 / (tau * 0.5 * period))
    speed = slow * (10 / period)
    weight = 1 / (1 + 1 / (tau * (1.0 + 2.0 * speed / 50) * period))
    at = smoothed([0, 10], [3.0, 3.25], rule=rule, side=50.0)
    assert at == pytest.approx([0, 10 * weight])


def test_smoothing_calms_a_still_joint_and_follows_a_fast_one():
    rng = np.random.default_rng(0)
    times = np.arange(60) / 30
    still = 50 + rng.normal(0, 0.5, 60)
    assert np.std(smoothed(still, times)[10:]) < 0.6 * np.std(still[10:])
    fast = 200 * times
    assert np.max(np.abs(smoothed(fast, times) - fast)) < 8


@pytest.mark.parametrize("second", [1.0, 0.5, np.nan])
def test_a_time_that_does_not_increase_starts_anew(second):
    assert smoothed([0, 10], [1.0, second]) == [0, 10]
    after = smoothed([0, 10, 20], [1.0, second, second + 0.1])[2]
    assert after == 20 if np.isnan(second) else 10 < after < 20


def test_a_joint_that_was_not_followed_starts_anew():
    times = [0.0, 0.1, 0.2, 0.3]
    at = smoothed([0, 50, 10, 20], times, scores=[1, 0.1, 1, 1])
    assert at[:3] == [0, 50, 10] and 10 < at[3] < 20


def track(first=None):
    return Track(SIZE, RULES, first)


def seen_by(view, joints):
    """Joints and scores of a network that finds these joints of the upright frame."""
    at = apply_matrix(view.region.matrix(SIZE), joints)
    return CODEC.decode(CODEC.encode(at)[0])


def test_a_track_follows_the_person_and_gives_pixels_of_the_frame():
    following, joints = track(), person()
    for seconds in np.arange(4) / 30:
        view = following.view(640, 480)
        pose = following.update(*seen_by(view, joints), view, seconds)
    np.testing.assert_allclose(pose.joints, joints, atol=0.05)
    assert view.region.side == pytest.approx(112, rel=1e-3)
    centre = apply_matrix(view.matrix, np.array([[view.region.x, view.region.y]]))
    np.testing.assert_allclose(centre, [[31.5, 31.5]], atol=1e-6)


NOBODY = np.zeros((14, 2)), np.full(14, 0.19)


def test_while_nobody_is_there_the_squares_take_turns():
    following, looked = track(), []
    for seconds in range(11):
        view = following.view(640, 480)
        looked.append(view.region)
        assert following.update(*NOBODY, view, seconds) is None
    places = squares(640, 480, RULES)
    assert len(places) == 9 and looked == places + places[:2]


def test_a_person_is_found_followed_let_go_and_searched_for_elsewhere():
    following, joints = track(first=Box(300, 200, 168)), person(x=320, y=300, unit=5)
    places = squares(640, 480, RULES)
    view = following.view(640, 480)
    assert view.region.side == 168
    assert following.update(*NOBODY, view, 0.0) is None
    view = following.view(640, 480)
    assert view.region == places[0]
    pose = following.update(*seen_by(view, joints), view, 0.1)
    np.testing.assert_allclose(pose.joints, joints, atol=0.3)
    view = following.view(640, 480)
    assert view.region.side == pytest.approx(56, abs=1)
    assert following.update(*NOBODY, view, 0.2) is None
    view = following.view(640, 480)
    assert view.region == places[1]
    pose = following.update(*seen_by(view, joints + 5), view, 0.3)
    np.testing.assert_allclose(pose.joints, joints + 5, atol=0.3)


@pytest.mark.parametrize(("score", "somebody"), [(0.2, True), (0.199, False)])
def test_presence_is_the_mean_over_all_joints(score, somebody):
    assert RULES.score.present(np.array([0.0, 2 * score])) == somebody


def test_a_contract_that_names_no_hips_looks_at_whole_frames():
    rules = Rules(Crop(hips=(), shoulders=()))
    assert next_region(person(), np.ones(14), 640, 480, rules.crop).side == 640
    assert squares(640, 480, rules) == [Box.whole(640, 480)]


def test_a_frame_of_another_size_starts_anew():
    following, joints = track(), person()
    for seconds in (0.0, 0.1):
        view = following.view(640, 480)
        following.update(*seen_by(view, joints), view, seconds)
    view = following.view(480, 640)
    assert view.region == Box.whole(480, 640)
    moved = joints / 2
    pose = following.update(*seen_by(view, moved), view, 0.2)
    np.testing.assert_allclose(pose.joints, moved, atol=0.3)


@pytest.fixture
def bright_tracker(monkeypatch):
    """A tracker whose network finds all joints where the crop is brightest."""

    def brightest(images):
        small = images.mean(axis=-1).reshape(1, 16, 4, 16, 4).mean(axis=(2, 4))
        return np.repeat(small[..., None], 14, axis=-1)

    made = heatmap_predictor("bright", CODEC, LSP, RULES, brightest)
    monkeypatch.setattr(tracking, "load_predictor", lambda model: made)
    return Tracker("bright.keras", box=(80, 40, 64, 64))


def test_a_tracker_starts_in_its_box_and_turns_stored_frames(bright_tracker):
    frame = np.zeros((200, 300, 3), np.uint8)
    frame[66:75, 96:105] = 255
    frame[0:40, 0:40] = 255
    pose = bright_tracker.update(frame, 0.0)
    np.testing.assert_allclose(pose.joints[0], (100, 70), atol=2.5)
    turned = np.rot90(frame)
    pose = bright_tracker.update(turned, 0.1, rotation=90)
    x, y = pose.joints[0]
    assert x < 50 and y < 50
