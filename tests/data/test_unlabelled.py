"""People without labels: of a COCO json of boxes, and of a folder that is searched."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

import fpd_tf as fpd
from fpd_tf.data.epoch import training_crops
from fpd_tf.data.people import People, Sample
from fpd_tf.data.unlabelled import load_unlabelled
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "ab":
        Image.new("RGB", (80, 60)).save(folder / f"{name}.png")
    return folder


def write(folder, annotations, **more):
    images = [{"id": at, "file_name": f"{name}.png"} for at, name in enumerate("ab")]
    path = folder / "boxes.json"
    content = {"images": images, "annotations": annotations, **more}
    path.write_text(json.dumps(content))
    return path


def box(**about):
    return {"id": 1, "image_id": 0, "bbox": [10, 20, 40, 20], **about}


def test_boxes_of_a_json_are_people_without_a_label(photographs):
    people = load_unlabelled(write(photographs, [box(), box(image_id=1)]), LSP)
    assert people.joint_set is LSP and not people.annotated.any()
    assert [person.image_path.name for person in people] == ["a.png", "b.png"]
    assert people[0].box == Box(29.5, 29.5, 50)  # 40 x 1.25


def test_crowds_and_what_is_no_person_are_left_out(photographs):
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}]
    annotations = [box(category_id=1), box(category_id=2)]
    annotations += [box(category_id=1, iscrowd=1)]
    path = write(photographs, annotations, categories=categories)
    assert len(load_unlabelled(path, LSP)) == 1


@pytest.mark.parametrize(
    ("annotation", "refusal"),
    [
        ({"bbox": None}, r"annotations\[0\].bbox: expected numbers of shape \(4,\)"),
        ({"bbox": [1, 2, 0, 5]}, r"bbox: expected a width and a height above 0"),
        ({"bbox": [1, 2, float("nan"), 5]}, r"bbox: expected pixels within"),
        ({"bbox": [0.1, 0.2, 0.5, 0.5]}, r"bbox: expected pixels, not parts"),
        ({"image_id": 7}, r"annotations\[0\].image_id: expected the id of an image"),
        ({"iscrowd": 1}, r"annotations: expected a person, no crowd"),
    ],
)
def test_bad_annotations_are_refused(photographs, annotation, refusal):
    path = write(photographs, [box(**annotation)])
    with pytest.raises(InputError, match=refusal):
        load_unlabelled(path, LSP)


def test_bad_people_are_left_out_where_asked(photographs, caplog):
    path = write(photographs, [box(bbox=None), box()])
    with caplog.at_level(logging.WARNING):
        assert len(load_unlabelled(path, LSP, on_error="skip")) == 1
    assert "skipped 1 of 2 people" in caplog.text
    assert "no person found" not in caplog.text


def test_a_json_of_something_else_is_refused(photographs):
    path = photographs / "other.json"
    with pytest.raises(InputError, match="COCO json of boxes.*No such file"):
        load_unlabelled(path, LSP)
    path.write_text('{"images": []}')
    with pytest.raises(InputError, match="images: expected a list of records"):
        load_unlabelled(path, LSP)


def test_a_folder_is_searched(photographs, caplog):
    places = {"a.png": Box(20, 30, 40), "b.png": None}
    with caplog.at_level(logging.WARNING):
        people = load_unlabelled(photographs, LSP, lambda path: places[path.name])
    assert people.boxes == [Box(20, 30, 40)]
    assert "1 people; no person found in 1 photographs" in caplog.text
    with pytest.raises(InputError, match="a person in it. Received: nobody found"):
        load_unlabelled(photographs, LSP, lambda path: None)
    with pytest.raises(InputError, match="`find`, which returns the box of a person"):
        load_unlabelled(photographs, LSP)


def test_a_folder_without_photographs_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected photographs.*Received: none"):
        load_unlabelled(tmp_path, LSP, lambda path: None)


def crowd(count):
    none = np.zeros(14, bool)
    person = Sample("a.png", np.zeros((14, 2)), none, none, Box(9, 9, 20))
    return People([person] * count, LSP)


def test_each_batch_has_its_share_and_everybody_comes_in_turn():
    config = fpd.DataConfig(input_size=32, batch_size=4, unlabelled_share=0.25)
    people = crowd(7 + 5)  # two batches of three labelled people; one of the others
    epochs = [training_crops(people, config, each, 7).people for each in range(5)]
    for order in epochs:
        assert len(order) == 8 and len(set(order[order < 7])) == 6
        assert ((order.reshape(2, 4) >= 7).sum(axis=1) == 1).all()
    others = np.concatenate([order[order >= 7] for order in epochs])
    assert sorted(others[:5]) == sorted(others[5:]) == [7, 8, 9, 10, 11]
    assert others[:5].tolist() != others[5:].tolist()
    again = training_crops(people, config, 3, 7).people
    np.testing.assert_array_equal(again, epochs[3])


def test_few_others_come_several_times_an_epoch():
    config = fpd.DataConfig(input_size=32, batch_size=4)
    plans = [training_crops(crowd(10 + 3), config, epoch, 10) for epoch in (0, 1)]
    order = np.concatenate([plan.people for plan in plans])
    assert len(order) == 40  # 10 batches of 2 labelled people and 2 others
    assert sorted(np.bincount(order)[10:]) == [6, 7, 7]


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_share_that_leaves_one_kind_out_is_refused(share):
    config = fpd.DataConfig(batch_size=4, unlabelled_share=share)
    with pytest.raises(InputError, match="unlabelled_share: expected a share with"):
        training_crops(crowd(20), config, 0, 10)
