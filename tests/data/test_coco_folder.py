import json

import pytest
from PIL import Image

from fpd_tf.data.coco import load_coco
from fpd_tf.errors import InputError


def dog(number):
    keypoints = [10, 10, 2, 30, 30, 2]
    return {"id": number, "image_id": number, "category_id": 1, "keypoints": keypoints}


def write(path, photographs, folder=""):
    """A json with one dog on each photograph, and the photographs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [photograph.name for photograph in photographs]
    images = [{"id": n, "file_name": folder + name} for n, name in enumerate(names)]
    content = {
        "images": images,
        "annotations": [dog(n) for n in range(len(names))],
        "categories": [{"id": 1, "name": "dog", "keypoints": ["nose", "tail"]}],
    }
    path.write_text(json.dumps(content))
    for photograph in photographs:
        photograph.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64)).save(photograph)


LAYOUTS = {
    "published": ("annotations/person_keypoints_{}2017.json", "{}2017/{}.jpg"),
    "CVAT": ("annotations/person_keypoints_{}.json", "images/{}/{}.jpg"),
    "beside it": ("{}.json", "images/{}_{}.jpg"),
    "split-ends": ("dogs-{}.json", "{}-{}.jpg"),
}


@pytest.mark.parametrize("file, photograph", LAYOUTS.values(), ids=LAYOUTS)
def test_train_and_val_by_name(tmp_path, file, photograph):
    counts = {"train": 3, "val": 2}
    for split, count in counts.items():
        places = [tmp_path / photograph.format(split, n) for n in range(count)]
        write(tmp_path / file.format(split), places)
    for split, count in counts.items():
        people = load_coco(tmp_path, split)
        assert len(people) == count
        assert all(person.image_path.is_file() for person in people)
    assert len(load_coco(tmp_path, "trainval")) == len(load_coco(tmp_path, "all")) == 5
    wanted = "split: expected one of train, val, .* or --validation 10%.*: test"
    with pytest.raises(InputError, match=wanted):
        load_coco(tmp_path, "test")
    (tmp_path / file.format("val")).unlink()
    with pytest.raises(InputError, match="split: expected one of train, .*: trainval"):
        load_coco(tmp_path, "trainval")
    assert len(load_coco(tmp_path, "all")) == 3


def test_cvat_names_a_folder_as_its_subset_is_named(tmp_path):
    for subset, count in (("Train", 3), ("Validation", 2)):
        file = tmp_path / "annotations" / f"person_keypoints_{subset}.json"
        folder = tmp_path / "images" / subset
        write(file, [folder / f"frame_{number}.jpg" for number in range(count)])
    assert [len(load_coco(tmp_path, each)) for each in ("train", "val")] == [3, 2]
    (person, *_) = load_coco(tmp_path, "val")  # frame_0.jpg is in Train too
    assert person.image_path == tmp_path / "images" / "Validation" / "frame_0.jpg"
    file = tmp_path / "annotations" / "person_keypoints_Tuesday.json"
    write(file, [tmp_path / "images" / "Tuesday" / "frame_0.jpg"])
    (person,) = load_coco(annotations=file)
    assert person.image_path.parent.name == "Tuesday"


def test_roboflow(tmp_path):
    for folder, count in (("train", 3), ("valid", 2), ("test", 1)):
        places = [tmp_path / folder / f"{n}.jpg" for n in range(count)]
        write(tmp_path / folder / "_annotations.coco.json", places)
    assert [len(load_coco(tmp_path, each)) for each in ("train", "val", "test")] == [
        *(3, 2, 1)
    ]


def test_label_studio(tmp_path):
    places = [tmp_path / "images" / f"{n}.jpg" for n in range(4)]
    write(tmp_path / "result.json", places, "images\\")
    people = load_coco(tmp_path)
    assert len(people) == 4 and people[0].image_path == places[0]
    with pytest.raises(InputError, match="train or all of one json.*10%.*: val"):
        load_coco(tmp_path, "val")


def test_the_keypoints_are_taken_where_cocos_other_files_lie_beside(tmp_path):
    write(tmp_path / "annotations/person_keypoints_val2017.json", [tmp_path / "a.jpg"])
    (tmp_path / "annotations/instances_val2017.json").write_text("{}")
    assert len(load_coco(tmp_path, "val")) == 1


def test_several_files_for_a_split_are_named(tmp_path):
    for name in ("a_train.json", "b_train.json"):
        write(tmp_path / name, [tmp_path / "a.jpg"])
    with pytest.raises(InputError, match="one json of train, or --annotations.*a_t"):
        load_coco(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="expected a COCO json in it.*: none$"):
        load_coco(tmp_path)
    with pytest.raises(InputError, match="no folder$"):
        load_coco(tmp_path / "nowhere")


def test_photographs_elsewhere(tmp_path):
    file, folder = tmp_path / "dogs.json", tmp_path / "far" / "away"
    write(file, [folder / "a.jpg"])
    (person,) = load_coco(annotations=file, images=folder)
    assert person.image_path.is_file()


def test_a_share_is_held_out_by_photograph(tmp_path):
    places = [tmp_path / f"{n}.jpg" for n in range(20)]
    write(tmp_path / "dogs.json", places)

    def names(split, share="10%"):
        people = load_coco(tmp_path, split, validation=share)
        return [person.image_path.name for person in people]

    train, val = names("train"), names("val")
    assert len(train) == 18 and len(val) == 2 and not {*train} & {*val}
    assert names("val") == val and len(names("all")) == 20
    assert len(names("val", "1%")) == 1
    for share, message in (
        *(("0%", "such as 10%"), ("10", "such as 10%"), ("-5%", "such as 10%")),
        ("99%", "none is left to train on"),
    ):
        with pytest.raises(InputError, match=f"validation.*{message}"):
            names("val", share)


def test_files_of_different_joints_are_refused(tmp_path):
    for split in ("train", "val"):
        write(tmp_path / f"{split}.json", [tmp_path / f"{split}.jpg"])
    other = json.loads((tmp_path / "val.json").read_text())
    other["categories"][0]["keypoints"] = ["nose", "ear"]
    (tmp_path / "val.json").write_text(json.dumps(other))
    with pytest.raises(InputError, match="val.json: categories: expected the joints"):
        load_coco(tmp_path, "all")
