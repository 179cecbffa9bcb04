import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fpd_tf.data.coco import load_coco
from fpd_tf.data.coco_write import write_coco
from fpd_tf.data.images import check_images
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import JointSet

STICK = JointSet("person", ("left_end", "right_end"), ((1, 0),), ((0, 1),))


@pytest.fixture
def people(tmp_path):
    joints = np.array([[10.25, 20.0], [0.0, 0.0]])
    known, seen = np.array([True, False]), np.array([False, False])
    paths = [tmp_path / "photos" / name for name in ("a.png", "b.png")]
    paths[0].parent.mkdir()
    for path in paths:
        Image.new("RGB", (70, 50)).save(path)
    one = Sample(paths[0], joints, known, seen, Box(30, 20.5, 50), area=300.0)
    other = replace(one, image_path=paths[1], visible=known, area=None)
    return People([one, one, other], STICK, "pck")


def test_what_is_written_is_read_again(people, tmp_path):
    file = write_coco(people, tmp_path / "sticks.json")
    again = load_coco(annotations=file, images=tmp_path / "photos")
    assert again.joint_set.as_dict() == STICK.as_dict() | {
        "groups": {"end": (1, 0)},
    }
    for before, after in zip(people, again, strict=True):
        assert after.image_path == before.image_path and after.box == before.box
        np.testing.assert_array_equal(after.joints, before.joints)
        np.testing.assert_array_equal(after.annotated, before.annotated)
        np.testing.assert_array_equal(after.visible, before.visible)
    assert [person.area for person in again] == [300, 300, pytest.approx(0.53 * 400)]


def test_the_numbers_are_cocos(people, tmp_path):
    content = json.loads(write_coco(people, tmp_path / "sticks.json").read_text())
    first, *_ = content["annotations"]
    assert first["keypoints"] == [10.25, 20.0, 1, 0.0, 0.0, 0]
    assert first["bbox"] == [10.5, 1.0, 40.0, 40.0] and first["num_keypoints"] == 1
    assert content["images"][1] == {
        "id": 2,
        "file_name": "b.png",
        "width": 70,
        "height": 50,
    }
    assert content["categories"][0]["skeleton"] == [[1, 2]]


def test_a_photograph_that_is_turned_upright_is_read_again(people, tmp_path):
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    Image.new("RGB", (50, 70)).save(tmp_path / "photos" / "a.png", exif=on_its_side)
    file = write_coco(people, tmp_path / "sticks.json")
    again = check_images(load_coco(annotations=file, images=tmp_path / "photos"))
    assert again[0].image_size == (70, 50)


def test_who_has_no_label_is_written_too(people, tmp_path):
    unknown = replace(people[0], annotated=people[0].visible, area=None)
    file = write_coco(people.of([unknown]), tmp_path / "sticks.json")
    (person,) = json.loads(file.read_text())["annotations"]
    assert person["num_keypoints"] == 0 and person["area"] == pytest.approx(848)


def test_packed_people_have_no_photographs(people, tmp_path):
    packed = people.of([replace(people[0], packed=(0, 0, 0, 9, 9))])
    with pytest.raises(InputError, match="person 0: is packed; use the data"):
        write_coco(packed, tmp_path / "sticks.json")
    assert not (tmp_path / "sticks.json").exists()


def test_a_photograph_that_is_gone_is_named(people, tmp_path):
    gone = people.of([replace(people[0], image_path=Path("gone.jpg"))])
    with pytest.raises(InputError, match="^gone.jpg: expected a whole photograph"):
        write_coco(gone, tmp_path / "sticks.json")
