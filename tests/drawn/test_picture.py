import numpy as np
import pytest

from fpd_tf.drawn.figure import PATCH, Piece
from fpd_tf.drawn.picture import draw_person, paint
from fpd_tf.joints import MPII


@pytest.fixture(scope="module")
def drawn():
    return [draw_person(seed=5, index=index) for index in range(80)]


def test_pictures_are_of_the_stated_size(drawn):
    sizes = np.array([picture.shape for picture, _ in drawn])
    assert {picture.dtype for picture, _ in drawn} == {np.dtype("uint8")}
    assert (sizes[:, 2] == 3).all()
    assert sizes[:, :2].min() >= 160 and sizes[:, :2].max() <= 256


def test_everybody_is_in_the_picture(drawn):
    for picture, person in drawn:
        low, high = person.joints.min(0), person.joints.max(0)
        assert (low >= 0).all() and (high <= np.array(picture.shape[1::-1]) - 1).all()
        assert (high - low).max() > 60


def test_head_box_holds_head_top_and_stature_is_about_eight_head_sizes(drawn):
    """In MPII scale x 200 px is 8 head sizes of 0.6 x the head box's diagonal."""
    for _, person in drawn:
        x1, y1, x2, y2 = person.head_box
        x, y = person.joints[MPII.index("head_top")]
        assert x1 < x < x2 and y1 < y < y2
        head_size = 0.6 * np.hypot(x2 - x1, y2 - y1)
        assert 6 < 200 * person.scale / head_size < 10


def test_the_loaders_box_holds_nearly_all_joints(drawn):
    inside = []
    for _, person in drawn:
        center = person.center + (0, 15 * person.scale)
        half = 200 * 1.25 * person.scale / 2
        inside.append(np.abs(person.joints - center).max(1) < half)
    assert np.mean(inside) > 0.98


def test_about_a_twentieth_of_labels_is_missing_and_hidden_ones_more(drawn):
    annotated = np.array([person.annotated for _, person in drawn])
    visible = np.array([person.visible for _, person in drawn])
    assert 0.03 < 1 - annotated.mean() < 0.07
    assert annotated[visible].mean() > annotated[~visible].mean() + 0.03
    assert 0.75 < visible.mean() < 0.95


def test_left_legs_look_darker(drawn):
    """Nothing else tells left from right on a person whose face is hidden."""
    ratios = []
    for picture, person in drawn:
        right, left = (
            picture[tuple(np.round(person.joints[MPII.index(ankle)]).astype(int)[::-1])]
            for ankle in ("right_ankle", "left_ankle")
        )
        ratios.append(left.mean() / right.mean())
    assert np.median(ratios) < 0.8


def test_a_picture_depends_on_seed_and_index():
    first, same, other_index, other_seed = (
        draw_person(*numbers)[0] for numbers in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other_index)
    assert not np.array_equal(first, other_seed)


def test_paint_covers_the_hull_and_nothing_else():
    canvas = np.zeros((40, 60, 3), np.float32)
    nearest = np.zeros((40, 60), np.int32)
    cloth = np.full((*PATCH, 3), 100, np.float32)
    bar = Piece(cloth, np.array([[10.0, 20, 0, 5], [45, 20, 0, 5]]))
    paint(canvas, nearest, bar, 7, light=np.array([0, 0, 1]))
    assert nearest[20, 7] == nearest[17, 30] == nearest[20, 48] == 7
    assert nearest[28, 30] == nearest[12, 30] == nearest[20, 52] == 0
    # the hull's 35 x 10 + pi 5^2 = 428.5 pixels, half a pixel wider all around
    assert np.count_nonzero(nearest) == pytest.approx(428.5 + 50.7, rel=0.05)
    # lit from the front: 0.5 + 0.55 on the middle line, 0.5 towards the sides
    assert canvas[20, 30] == pytest.approx(105, abs=1)
    assert canvas[16, 30] == pytest.approx(50 + 55 * 0.6, abs=7)
    assert not canvas[30].any()


def test_paint_outside_the_canvas_changes_nothing():
    canvas, nearest = np.zeros((9, 9, 3), np.float32), np.zeros((9, 9), np.int32)
    away = Piece(np.ones((*PATCH, 3), np.float32), np.array([[40.0, 4, 0, 3]]))
    paint(canvas, nearest, away, 1, light=np.array([0, 0, 1]))
    assert not canvas.any() and not nearest.any()
