import json

import pytest
from PIL import Image

from fpd_tf.data.coco import load_coco
from fpd_tf.errors import InputError
from fpd_tf.joints import COCO


@pytest.fixture
def load(tmp_path):
    """Loads one annotation of the joints, with what a joints file says."""

    def load(joints, own):
        category = {"id": 1, "name": "boat", "keypoints": [*joints]}
        person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
        person["keypoints"] = [1, 1, 2] * len(joints)
        content = {"images": [{"id": 1, "file_name": "a.jpg"}]}
        content |= {"annotations": [person], "categories": [category]}
        Image.new("RGB", (20, 20)).save(tmp_path / "a.jpg")
        (tmp_path / "boats.json").write_text(json.dumps(content))
        (tmp_path / "own.json").write_text(json.dumps(own))
        files = {
            "annotations": tmp_path / "boats.json",
            "joints": tmp_path / "own.json",
        }
        return load_coco(**files).joint_set

    return load


def test_everything_can_be_said(load):
    own = {
        "joints": ["port", "starboard", "mast"],
        "flip_pairs": [["starboard", "port"]],
        "limbs": [["mast", "port"]],
        "groups": {"Hull": ["port", "starboard"]},
        "sigmas": {"port": 0.1, "starboard": 0.1, "mast": 0.05},
    }
    found = load(("1", "2", "3"), own)
    assert found.joints == ("port", "starboard", "mast") and found.name == "boat"
    assert found.flip_pairs == ((1, 0),) and found.limbs == ((2, 0),)
    assert found.groups == {"Hull": (0, 1)} and found.sigmas == (0.1, 0.1, 0.05)


def test_what_it_does_not_say_is_found(load):
    found = load(("left_oar", "right_oar", "mast"), {"limbs": [["mast", "left_oar"]]})
    assert found.flip_pairs == ((1, 0),) and found.limbs == ((2, 0),)
    assert {*found.groups} == {"oar", "mast"} and found.sigmas is None


def test_names_may_make_a_known_set(load):
    assert load(range_of(17), {"joints": [*COCO.joints]}) is COCO
    own = load(COCO.joints, {"groups": {"Nose": ["nose"]}})
    assert own.name == "own coco" and own.groups == {"Nose": (0,)}
    assert own.limbs == COCO.limbs and own.sigmas == COCO.sigmas


def range_of(count):
    return [str(number) for number in range(count)]


BAD = {
    "no object": ([1], r"own.json: expected an object. Received: \[1\]$"),
    "no list": ({"joints": 3}, "joints: expected a list. Received: 3$"),
    "no pairs by name": ({"groups": 3}, "groups: expected an object. Received: 3$"),
    "another field": ({"skeleton": []}, "skeleton: expected joints, flip_pairs, limbs"),
    "an unknown joint": (
        {"limbs": [["port", "keel"]]},
        "limbs: expected one of port, starboard. Received: keel",
    ),
    "a pair of three": ({"flip_pairs": [["port", "port", "port"]]}, "flip_pairs.0"),
    "a pair of one name": ({"flip_pairs": [["port"]]}, "flip_pairs.0.1: expected a v"),
    "too few names": ({"joints": ["port"]}, "joints: expected 2 names. Received: 1"),
    "a sigma missing": (
        {"sigmas": {"port": 0.1}},
        "sigmas: expected one of each",
    ),
    "a sigma of 0": ({"sigmas": {"port": 0, "starboard": 1}}, "sigmas.port: expected"),
    "a pair of one": (
        {"flip_pairs": [["port", "port"]]},
        "joint set boat: flip_pairs: expected each joint in one pair at most",
    ),
}


@pytest.mark.parametrize("own, message", BAD.values(), ids=BAD)
def test_a_bad_joints_file_is_one_line(load, own, message):
    with pytest.raises(InputError, match=message) as error:
        load(("port", "starboard"), own)
    assert "\n" not in str(error.value)


def test_no_joints_file(load, tmp_path):
    load(("port", "starboard"), {"groups": {}})
    files = {"annotations": tmp_path / "boats.json", "joints": tmp_path / "none.json"}
    with pytest.raises(InputError, match="none.json: expected a json object.*No such"):
        load_coco(**files)
