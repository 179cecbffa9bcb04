import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from fpd_tf.data.packed import load_packed, pack
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.inference.contact_sheet import SIDE, _chosen, contact_sheet
from fpd_tf.inference.draw import LEFT, RIGHT
from fpd_tf.joints import JointSet

PAIR = JointSet("pair", ("LHand", "RHand", "head"), ((1, 0),), ((0, 2), (1, 2)))


@pytest.fixture
def people(tmp_path):
    """Ten people on a green photograph; the fourth has one label."""
    path = tmp_path / "<green>.png"
    Image.new("RGB", (200, 150), (0, 130, 0)).save(path)
    joints = np.array([[120.0, 90], [60, 90], [90, 40]])
    samples = []
    for number in range(10):
        known = np.array([True, number != 3, number != 3])
        labels = joints + 0.01 * number
        samples.append(Sample(path, labels, known, known, Box(90, 70, 100)))
    return People(samples, PAIR)


def test_a_picture_has_a_crop_for_each_with_its_label(people, tmp_path):
    facts = contact_sheet(people, tmp_path / "sheet.png")
    assert list(facts.odd) == [3]
    sheet = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    first, second = sheet[8 : 8 + SIDE, 8 : 8 + SIDE], sheet[8 : 8 + SIDE, 216:416]

    def has(crop, color):
        return (crop == color).all(axis=-1).any()

    assert has(first, LEFT) and not has(first, RIGHT)
    assert has(second, LEFT) and has(second, RIGHT)
    zoom = SIDE / 115
    x, y = np.rint(np.array([60 - 90, 90 - 70]) * zoom + (SIDE - 1) / 2).astype(int)
    assert second[y, x].tolist() == list(RIGHT)
    assert second[5, 5].tolist() == [0, 130, 0]


def test_a_page_holds_everything_and_escapes_names(people, tmp_path):
    contact_sheet(people, tmp_path / "sheet.html")
    page = (tmp_path / "sheet.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 10
    assert "&lt;green&gt;.png" in page and "<green>" not in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "1 of 3 joints have a label" in page
    assert ">LHand<" in page


def test_packed_people_look_the_same(people, tmp_path):
    contact_sheet(people, tmp_path / "before.png")
    pack(people, tmp_path / "packed" / "val")
    contact_sheet(load_packed(tmp_path / "packed", "val"), tmp_path / "after.png")
    before, after = (
        cv2.imread(str(tmp_path / f"{name}.png")) for name in ("before", "after")
    )
    np.testing.assert_array_equal(before, after)


def test_odd_ones_come_first_and_take_half_at_most(people, tmp_path):
    facts = contact_sheet(people, tmp_path / "sheet.png")
    assert _chosen(facts, 4) == [3, 0, 5, 9]
    many = people.of(
        replace(people[at], joints=people[at].joints + 0.01 * step)
        for at in (3, 0)
        for step in range(9)
    )
    facts = contact_sheet(many, tmp_path / "many.png")
    assert _chosen(facts, 6) == [0, 1, 2, 9, 13, 17]
    assert _chosen(facts, 40) == list(range(18))


def test_another_suffix_is_refused(people, tmp_path):
    with pytest.raises(InputError, match="sheet.pdf: expected a .html or a .png file"):
        contact_sheet(people, tmp_path / "sheet.pdf")


def test_no_photograph_is_replaced(people):
    photograph = people[0].image_path
    before = photograph.read_bytes()
    with pytest.raises(InputError, match="it would replace the input"):
        contact_sheet(people, photograph)
    assert photograph.read_bytes() == before
