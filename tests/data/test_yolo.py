import numpy as np
import pytest
import yaml
from PIL import Image

from fpd_tf.data.load import load_people
from fpd_tf.data.yolo import load_yolo
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import COCO

DATA = {
    "path": "../nowhere/dogs",
    "train": "images/train",
    "val": "images/val",
    "kpt_shape": [3, 3],
    "flip_idx": [0, 2, 1],
    "names": {0: "dog", 1: "cat"},
    "kpt_names": {0: ["nose", "left_ear", "right_ear"]},
}
DOG = "0 0.5 0.5 0.25 0.5 0.5 0.25 2 0.25 0.5 1 0 0 0"


@pytest.fixture
def write(tmp_path):
    """A folder with two photographs to train on, 80 x 40, and one to validate."""

    def write(line=DOG, **changes):
        (tmp_path / "data.yaml").write_text(yaml.safe_dump(DATA | changes))
        for split, names in (("train", ("a", "b")), ("val", ("c",))):
            for kind in ("images", "labels"):
                (tmp_path / kind / split).mkdir(parents=True, exist_ok=True)
            for name in names:
                Image.new("RGB", (80, 40)).save(
                    tmp_path / "images" / split / f"{name}.png"
                )
                (tmp_path / "labels" / split / f"{name}.txt").write_text(line + "\n")
        (tmp_path / "labels" / "train" / "b.txt").unlink()
        return tmp_path

    return write


def test_a_line_is_a_person(write):
    people = load_people("yolo", write())
    (person,) = people
    assert people.joint_set.joints == ("nose", "left_ear", "right_ear")
    assert people.joint_set.flip_pairs == ((2, 1),) and people.metric == "oks"
    assert person.joints.tolist() == [[40, 10], [20, 20], [0, 0]]
    assert person.annotated.tolist() == [True, True, False]
    assert person.visible.tolist() == [True, False, False]
    assert person.box == Box(39.5, 19.5, 25) and person.area == pytest.approx(212)
    assert load_yolo(write() / "data.yaml", "val")[0].image_path.name == "c.png"


def test_who_is_left_out_is_counted(write, caplog):
    """b has no txt, and a line of a has no label; an empty txt says that nobody is."""
    root = write(DOG + "\n0 0.5 0.5 0.2 0.5" + " 0 0 0" * 3)
    assert len(load_yolo(root)) == 1
    (record,) = caplog.records
    assert record.getMessage().endswith(
        "data.yaml: 1 people; left out: 1 people without a labelled joint, "
        "1 photographs without a txt"
    )
    caplog.clear()
    root = write()
    (root / "labels" / "train" / "b.txt").write_text("\n")
    assert len(load_yolo(root)) == 1 and not caplog.records


def test_no_txt_at_all_is_refused(write):
    root = write()
    (root / "labels" / "train" / "a.txt").unlink()
    with pytest.raises(InputError, match="train: .*labels.train.a.txt. .*none for 2$"):
        load_yolo(root)


def test_parts_are_of_the_upright_photograph(write):
    """A phone's, stored on its side: 80 x 40, upright 40 x 80."""
    root, exif = write(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40)).save(root / "images" / "train" / "a.png", exif=exif)
    (person,) = load_yolo(root)
    assert person.joints.tolist() == [[20, 20], [10, 40], [0, 0]]
    assert person.box == Box(19.5, 39.5, 50)


def test_two_numbers_a_joint(write):
    line = "0 0.5 0.5 0.25 0.5 0.5 0.25 0 0 -0.1 0.5"
    (person,) = load_yolo(write(line, kpt_shape=[3, 2]))
    assert person.annotated.tolist() == [True, False, False]


def test_seventeen_joints_that_mirror_as_cocos_are_cocos(write):
    line = "0 0.5 0.5 0.25 0.5 " + "0.5 0.5 2 " * 17
    shape = {"kpt_shape": [17, 3], "flip_idx": COCO.flip_order.tolist()}
    people = load_yolo(write(line, **shape, kpt_names=None))
    assert people.joint_set is COCO
    shape["flip_idx"] = None
    assert load_yolo(write(line, **shape, kpt_names=None)).joint_set.joints[0] == (
        "joint_0"
    )


def test_classes_are_chosen_by_name(write):
    root = write(DOG + "\n1" + DOG[1:])
    assert len(load_yolo(root)) == 2 and len(load_yolo(root, category="cat")) == 1
    root = write("1.0" + DOG[1:])  # as some tools write class numbers
    assert len(load_yolo(root, category="cat")) == 1
    assert len(load_yolo(write(names={"0": "cat"}), category="cat")) == 1
    with pytest.raises(InputError, match="names: expected names by number.*'cat'"):
        load_yolo(write(names="cat"), category="cat")
    with pytest.raises(InputError, match="line 1: expected numbers. Received: cat"):
        load_yolo(write("cat" + DOG[1:]), category="cat")
    with pytest.raises(InputError, match="category: expected one of dog, cat.*: cow"):
        load_yolo(root, category="cow")


def test_a_list_of_photographs(write):
    root = write()
    (root / "train.txt").write_text("images/val/c.png\n")
    root = write(train="train.txt")
    assert load_yolo(root)[0].image_path.name == "c.png"
    (root / "train.txt").write_text("images/val/c.png\nimages/val/gone.png\n")
    with pytest.raises(InputError, match="gone.png: expected a whole photograph"):
        load_yolo(root)
    assert len(load_yolo(root, on_error="skip")) == 1


def test_a_list_beside_its_photographs(write):
    root = write(train="images/train/all.txt")
    (root / "images" / "train" / "all.txt").write_text("./a.png\n")
    assert load_yolo(root)[0].image_path == root / "images" / "train" / "a.png"


def test_a_photograph_that_is_listed_again_is_taken_once(write, caplog):
    root = write(train=["images/train", "images"])
    assert len(load_yolo(root)) == 2
    assert caplog.records[0].getMessage().endswith("2 photographs listed again")


def test_classes_of_other_joints_must_be_chosen_from(write):
    names = {0: ["nose", "left_ear", "right_ear"], 1: ["tail", "left_paw", "right_paw"]}
    root = write(DOG + "\n1" + DOG[1:], kpt_names=names)
    with pytest.raises(InputError, match="kpt_names: expected the same.*--category"):
        load_yolo(root)
    for number, name in enumerate(("dog", "cat")):
        joints = load_yolo(root, category=name).joint_set.joints
        assert joints == tuple(names[number])


def test_a_share_is_held_out(write):
    root = write()
    (root / "labels" / "train" / "b.txt").write_text(DOG)
    parts = [load_yolo(root, each, validation="50%") for each in ("train", "val")]
    assert [len(part) for part in parts] == [1, 1]
    assert parts[0][0].image_path != parts[1][0].image_path


BAD = {
    "short": ({"line": "0 0.5 0.5"}, "a.txt: line 1: expected 14 numbers.*: 3"),
    "words": ({"line": "dog 0.5"}, "a.txt: line 1: expected numbers. Received: dog"),
    "NaN": ({"line": DOG.replace("0.25 2", "nan 2")}, "line 1: expected pixels within"),
    "no box": ({"line": DOG.replace("0.25 0.5", "0 0", 1)}, "expected a box above 0"),
    "pixels": ({"line": DOG.replace("0.5 0.5", "40 20", 1)}, "in parts of the photogr"),
    "no shape": ({"kpt_shape": None}, "data.yaml: kpt_shape: expected .joints, 2 or 3"),
    "a flip of others": ({"flip_idx": [0, 1]}, "flip_idx: expected each of 0 to 2"),
    "a flip of parts": ({"flip_idx": [0, 2, 1.0]}, "flip_idx: expected each of 0 to 2"),
    "a flip in a ring": ({"flip_idx": [1, 2, 0]}, "flip_idx: expected pairs that swap"),
    "names": ({"kpt_names": {0: ["nose"]}}, "kpt_names: expected 3 names"),
    "no split": ({"train": None}, "split: expected one of val. Received: train"),
    "no folder": ({"train": "nowhere"}, "train: expected a folder of photographs"),
    "nobody": (
        {"line": "0 0.5 0.5 0.2 0.5" + " 0 0 0" * 3},
        "no person has a labelled joint",
    ),
}


@pytest.mark.parametrize("changes, message", BAD.values(), ids=BAD)
def test_bad_input_is_one_line(write, changes, message):
    with pytest.raises(InputError, match=message) as error:
        load_yolo(write(**changes))
    assert "\n" not in str(error.value)


def test_a_bad_line_is_skipped(write):
    root = write(DOG + "\n0 0.5")
    assert len(load_yolo(root, on_error="skip")) == 1


def test_no_yaml(tmp_path):
    with pytest.raises(InputError, match="expected one yaml with kpt_shape.*: none"):
        load_yolo(tmp_path)
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(InputError, match="a.yaml: expected a YOLO-pose yaml"):
        load_yolo(tmp_path)


def test_floats_are_kept(write):
    line = DOG.replace("0.25 0.5 1", "0.3333 0.5 1")
    (person,) = load_yolo(write(line))
    assert person.joints[1, 0] == np.float32(0.3333 * 80)
