import json
import logging
from copy import deepcopy

import numpy as np
import pytest
from PIL import Image

from fpd_tf.data.coco import load_coco
from fpd_tf.data.images import check_images
from fpd_tf.data.load import load_people
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import COCO

NAMES = ("nose", "tail", "left_paw", "right_paw")
DOG = {"id": 3, "name": "dog", "keypoints": [*NAMES], "skeleton": [[1, 2], [3, 4]]}
IMAGE = {"id": 7, "file_name": "a.jpg", "width": 90, "height": 60}
ONE = {
    "id": 1,
    "image_id": 7,
    "category_id": 3,
    "bbox": [10, 20, 40, 30],
    "area": 500.0,
    "iscrowd": 0,
    "keypoints": [12, 22, 2, 0, 0, 0, 30.5, 40.25, 1, 44, 45, 2],
}
CONTENT = {"images": [IMAGE], "annotations": [ONE], "categories": [DOG]}


@pytest.fixture
def write(tmp_path):
    """Writes CONTENT, changed, with a photograph beside it."""

    def write(change=lambda content: None, at="dogs.json", photographs=("a.jpg",)):
        content = deepcopy(CONTENT)
        change(content)
        path = tmp_path / at
        for file in (path, *(tmp_path / name for name in photographs)):
            file.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        for name in photographs:
            Image.new("RGB", (90, 60)).save(tmp_path / name)
        return path

    return write


def of_person(**changes):
    return lambda content: content["annotations"][0].update(changes)


def test_a_person_of_ones_own_joints(write):
    people = load_coco(annotations=write())
    (person,) = people
    assert (people.joint_set.joints, people.metric) == (NAMES, "oks")
    assert people.joint_set.limbs == ((0, 1), (2, 3))
    assert people.joint_set.flip_pairs == ((3, 2),)
    assert people.joint_set.groups == {"nose": (0,), "tail": (1,), "paw": (3, 2)}
    assert person.joints.tolist() == [[12, 22], [0, 0], [30.5, 40.25], [44, 45]]
    assert person.annotated.tolist() == [True, False, True, True]
    assert person.visible.tolist() == [True, False, False, True]
    assert person.area == 500 and person.head_size is None
    assert len(check_images(people)) == 1


def test_joints_are_pixel_centres_and_boxes_are_edges(tmp_path):
    """One white pixel: its joint is its index, and the box around it [5, 3, 1, 1]."""
    pixels = np.zeros((60, 90, 3), np.uint8)
    pixels[3, 5] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    content = deepcopy(CONTENT)
    content["images"][0]["file_name"] = "a.png"
    content["annotations"][0]["keypoints"] = [5, 3, 2] + [0] * 9
    content["annotations"][0]["bbox"] = [5, 3, 1, 1]
    (tmp_path / "dot.json").write_text(json.dumps(content))
    (person,) = load_coco(annotations=tmp_path / "dot.json")
    x, y = person.joints[0].astype(int)
    assert pixels[y, x].all()
    assert (person.box.x, person.box.y) == (5, 3)


def test_the_box_is_a_square_with_a_quarter_around(write):
    (person,) = load_coco(annotations=write())
    assert person.box == Box(29.5, 34.5, 50)


@pytest.mark.parametrize("bbox", [None, [], [0, 0, 0, 0], [10, 20, 0, 30]])
def test_without_a_box_the_joints_make_one(write, bbox):
    (person,) = load_coco(annotations=write(of_person(bbox=bbox)))
    assert person.box == Box(28, 33.5, 60)  # 1.3 x 32 px is less


@pytest.mark.parametrize("area", [None, 0])
def test_without_an_area_the_box_gives_one(write, area):
    (person,) = load_coco(annotations=write(of_person(area=area)))
    assert person.area == pytest.approx(0.53 * 40 * 30)


def test_without_a_box_the_joints_give_the_area(write):
    """Labels 32 px wide and 23 high; one alone has a third of the crop's 60 px."""
    (person,) = load_coco(annotations=write(of_person(area=None, bbox=None)))
    assert person.area == pytest.approx(0.53 * 1.3**2 * 32 * 23)
    alone = of_person(area=None, bbox=None, keypoints=[12, 22, 2] + [0] * 9)
    (person,) = load_coco(annotations=write(alone))
    assert person.area == pytest.approx(0.53 * 20 * 20)


def test_crowds_unlabelled_people_and_other_things_are_left_out(write, caplog):
    def more(content):
        people, empty = content["annotations"], [0] * 12
        people += [ONE | {"id": 2, "iscrowd": 1}, ONE | {"id": 3, "keypoints": empty}]
        people += [{"id": 4, "image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9]}]
        people += [{"id": 5, "image_id": 7, "category_id": 9, "bbox": [0, 0, 9, 9]}]
        content["images"] += [{"id": 8, "file_name": "nobody.jpg"}]
        content["categories"] += [{"id": 9, "name": "ball"}]

    with caplog.at_level(logging.WARNING):
        assert len(load_coco(annotations=write(more))) == 1
    said = "dogs.json: 1 people; left out: crowds 1, without a labelled joint 2"
    assert said in caplog.text
    assert "left_paw/right_paw; in the middle: nose, tail" in caplog.text


def test_ids_may_be_strings(write):
    def strings(content):
        content["images"][0]["id"] = content["categories"][0]["id"] = "7"
        content["annotations"][0] |= {"id": "x", "category_id": 7}

    assert len(load_coco(annotations=write(strings))) == 1


@pytest.mark.parametrize("name", ["photos/a.jpg", "photos\\a.jpg", "1/photos/a.jpg"])
def test_a_file_name_may_have_folders_that_are_gone(write, name):
    path = write(lambda content: content["images"][0].update(file_name=name))
    (person,) = load_coco(annotations=path)
    assert person.image_path == path.parent / "a.jpg"


def test_people_need_no_ids(write):
    def none(content):
        people = content["annotations"] = [dict(ONE), dict(ONE)]
        for person in people:
            del person["id"]

    assert len(load_coco(annotations=write(none))) == 2


def test_a_photograph_that_is_not_there_is_named_or_skipped(write, caplog):
    def more(content):
        content["images"].append({"id": 8, "file_name": "sets/gone.jpg"})
        content["annotations"].insert(0, ONE | {"id": 2, "image_id": 8})

    path = write(more)
    expected = rf"{path}: images\[1\].file_name: expected a file below {path.parent} "
    with pytest.raises(InputError, match=f"{expected}.*Received: 'sets/gone.jpg'"):
        load_coco(annotations=path)
    with caplog.at_level(logging.WARNING):
        assert len(load_coco(annotations=path, on_error="skip")) == 1
    assert "skipped 1 of 2 people" in caplog.text and "gone.jpg" in caplog.text


def test_two_images_that_are_one_file_are_refused(write):
    def two(content):
        content["images"] = [
            {"id": 7, "file_name": "one/a.jpg"},
            {"id": 8, "file_name": "two/a.jpg"},
        ]
        content["annotations"].append(ONE | {"id": 2, "image_id": 8})

    with pytest.raises(InputError, match=r"images\[1\].file_name: .* is image 7 too"):
        load_coco(annotations=write(two))


def test_several_categories_of_the_same_joints_are_one(write):
    def two(content):
        content["categories"].append(DOG | {"id": 4, "name": "puppy"})
        content["annotations"].append(ONE | {"id": 2, "category_id": 4})

    path = write(two)
    assert len(load_coco(annotations=path)) == 2
    assert len(load_coco(annotations=path, category="puppy")) == 1


def test_categories_whose_joints_disagree_must_be_chosen_from(write):
    def two(content):
        cat = {"id": 4, "name": "cat", "keypoints": ["nose", "tail"]}
        content["categories"].append(cat)
        keypoints = [9, 9, 2, 8, 8, 2]
        content["annotations"].append(
            ONE | {"id": 2, "category_id": 4, "keypoints": keypoints}
        )

    path = write(two)
    expected = "category cat: keypoints: expected those of dog, or --category NAME"
    with pytest.raises(InputError, match=expected):
        load_coco(annotations=path)
    assert load_coco(annotations=path, category="cat").joint_set.num_joints == 2
    with pytest.raises(InputError, match="category: expected one of dog, cat.*: cow"):
        load_coco(annotations=path, category="cow")


BAD = {
    "short": (of_person(keypoints=[1, 2, 2]), "keypoints: expected 12 numbers.*: 3$"),
    "text": (of_person(keypoints=["a", 1, 2] * 4), "keypoints: expected numbers"),
    "no list": (of_person(keypoints=5), "keypoints: expected 12 numbers"),
    "NaN": (
        of_person(keypoints=[float("nan"), 1, 2] * 4),
        "keypoints: expected pixels within",
    ),
    "flag": (
        of_person(keypoints=[1, 1, 3] * 4),
        "keypoints: expected flags 0, 1 or 2",
    ),
    "box": (of_person(bbox=[1, 2, 3]), r"bbox: expected numbers of shape \(4,\)"),
    "negative box": (of_person(bbox=[1, 2, -3, 5]), "bbox: expected a width and a"),
    "NaN box": (of_person(bbox=[1, 2, float("nan"), 5]), "bbox: expected pixels"),
    "parts": (of_person(keypoints=[0.2, 0.9, 2] * 4), "keypoints: expected pixels, no"),
    "box of parts": (of_person(bbox=[0.1, 0.2, 0.3, 0.4]), "bbox: expected pixels, n"),
    "area": (of_person(area="large"), "area: expected a number"),
    "category": (
        of_person(category_id=9),
        "category_id: expected the id of a category. Received: 9$",
    ),
    "no category": (of_person(category_id=[3]), "category_id: expected the id of a c"),
    "crowd": (of_person(iscrowd="0"), "iscrowd: expected 0 or 1. Received: '0'"),
    "image": (of_person(image_id=99), "image_id: expected the id of an image.*: 99"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_a_bad_person_is_named_or_skipped(write, caplog, change, message):
    with pytest.raises(InputError, match=rf"dogs.json: annotations\[0\].{message}"):
        load_coco(annotations=write(change))

    def and_a_good_one(content):
        change(content)
        content["annotations"].append(ONE | {"id": 2})

    with caplog.at_level(logging.WARNING):
        assert len(load_coco(annotations=write(and_a_good_one), on_error="skip")) == 1
    assert "skipped 1 of 2 people" in caplog.text


def test_doubled_ids_are_refused(write):
    def twice(content):
        content["annotations"].append(deepcopy(ONE))

    with pytest.raises(InputError, match=r"annotations\[1\].id: .* is used twice"):
        load_coco(annotations=write(twice))

    def images(content):
        content["images"].append({"id": "7", "file_name": "b.jpg"})

    with pytest.raises(InputError, match=r"images\[1\].id: 7 is used twice"):
        load_coco(annotations=write(images))

    def categories(content):
        content["categories"].append({"id": "3", "name": "ball"})

    with pytest.raises(InputError, match=r"categories\[1\].id: 3 is used twice"):
        load_coco(annotations=write(categories))


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "", 5, None])
def test_a_file_name_stays_below_the_folder(write, name):
    path = write(lambda content: content["images"][0].update(file_name=name))
    with pytest.raises(InputError, match=r"images\[0\].file_name: expected the name"):
        load_coco(annotations=path)


KINDS = {
    "a list": ([1], "expected COCO keypoints json.*: \\[1\\]"),
    "of another kind": ({"a": 1}, "images: expected a list of records. Received: none"),
    "results": ([{"image_id": 1, "keypoints": []}], "expected COCO keypoints json"),
    "boxes": (
        CONTENT | {"categories": [{"id": 3, "name": "dog"}]},
        "categories: expected a category with keypoints .*: dog",
    ),
    "records": (CONTENT | {"images": [5]}, r"images\[0\]: expected an object"),
    "skeleton from 0": (
        CONTENT | {"categories": [DOG | {"skeleton": [[0, 1]]}]},
        "category dog: skeleton: expected pairs of joint numbers, 1 to 4",
    ),
    "a skeleton of one number": (
        CONTENT | {"categories": [DOG | {"skeleton": 5}]},
        "category dog: skeleton: expected pairs of joint numbers, 1 to 4. Received: 5",
    ),
    "a name twice": (
        CONTENT | {"categories": [DOG | {"keypoints": ["a"] * 4}]},
        "joint set dog: joints: expected names, each once",
    ),
    "nobody": (
        CONTENT | {"annotations": [ONE | {"keypoints": [0] * 12}]},
        "annotations: no person has a labelled joint",
    ),
}


@pytest.mark.parametrize("content, message", KINDS.values(), ids=KINDS)
def test_a_json_of_another_kind_is_one_line(tmp_path, content, message):
    path = tmp_path / "dogs.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"^{path}: {message}") as error:
        load_coco(annotations=path)
    assert "\n" not in str(error.value)


def test_no_json_at_all(tmp_path):
    (tmp_path / "dogs.json").write_text('{"images": [')
    for path in (tmp_path / "dogs.json", tmp_path / "none.json"):
        with pytest.raises(InputError, match=f"^{path}: expected COCO keypoints json"):
            load_coco(annotations=path)


def test_the_published_sample(shared_data):
    root = shared_data / "coco-sample"
    people = load_people("coco", root, "val")
    assert people.joint_set is COCO and len(people) == 65
    assert len(check_images(people)) == 65
    first = people[0]  # annotation 200887 of image 397133
    assert first.image_path.name == "000000397133.jpg"
    assert first.joints[0].tolist() == [433, 94] and not first.annotated[2]
    assert first.area == 17376.91885
    assert first.box.side == pytest.approx(1.25 * 277.62)
    assert first.box.x == pytest.approx(388.66 + 109.41 / 2 - 0.5)
    file = root / "annotations" / "person_keypoints_val2017.json"
    people_of_file = json.loads(file.read_text())["annotations"]
    counts = [each["num_keypoints"] for each in people_of_file if not each["iscrowd"]]
    assert people.annotated.sum() == sum(counts) > 500


def test_a_folder_or_a_file(tmp_path):
    for given in ({}, {"root": tmp_path, "annotations": tmp_path / "a.json"}):
        with pytest.raises(InputError, match="a root folder or an annotations file"):
            load_coco(**given)


def test_other_data_has_no_annotations_option(tmp_path):
    with pytest.raises(InputError, match="lsp: does not take annotations; coco does"):
        load_people("lsp", tmp_path, annotations="a.json")
    with pytest.raises(InputError, match="does not take category; coco and yolo do"):
        load_people("lsp", tmp_path, category="dog")
    with pytest.raises(InputError, match="coco: does not take annotation$"):
        load_people("coco", tmp_path, annotation="a.json")


@pytest.mark.parametrize("data", ["lsp", "coco"])
def test_a_loader_needs_a_place(data):
    with pytest.raises(InputError, match=f"{data}: root: give the folder"):
        load_people(data)
