import json
import logging
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from fpd_tf.data.mpii import load_mpii
from fpd_tf.data.mpii_release import RELEASE_FILE, parse_annorect
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box

pytestmark = pytest.mark.usefixtures("mat_files_here")

# ------------------------------------------------------------------ common json


def record(**changes) -> dict:
    """A person of height 400 px, every joint k at (100 + k, 50) in 1-based pixels."""
    return {
        "image": "a.jpg",
        "joints": [[100.0 + k, 50.0] for k in range(16)],
        "joints_vis": [1] * 16,
        "center": [301.0, 201.0],
        "scale": 2.0,
    } | changes


def write_json(root: Path, records: object, name: str = "train") -> Path:
    (root / "annot").mkdir(exist_ok=True)
    (root / "annot" / f"{name}.json").write_text(json.dumps(records))
    return root


def test_conventions(tmp_path):
    (sample,) = load_mpii(write_json(tmp_path, [record()]))
    np.testing.assert_array_equal(sample.joints[:, 0], 99 + np.arange(16))
    np.testing.assert_array_equal(sample.joints[:, 1], np.full(16, 49))
    assert sample.box == Box(300, 201 + 15 * 2 - 1, 2.5 * 200)
    assert sample.head_size is None
    assert sample.image_path == tmp_path / "images" / "a.jpg"
    assert sample.joints.dtype == np.float32
    assert sample.annotated.all() and sample.visible.all()


def test_occluded_joints_stay_annotated_and_absent_ones_do_not(tmp_path):
    person = record()
    person["joints_vis"][3] = person["joints_vis"][4] = person["joints_vis"][9] = 0
    person["joints"][4] = [-1, -1]
    person["joints"][9] = [70, -14]
    (sample,) = load_mpii(write_json(tmp_path, [person]))
    assert np.flatnonzero(~sample.annotated).tolist() == [4]
    assert np.flatnonzero(~sample.visible).tolist() == [3, 4, 9]
    np.testing.assert_array_equal(sample.joints[4], [0, 0])
    np.testing.assert_array_equal(sample.joints[9], [69, -15])


def test_json_splits_and_image_numbers(tmp_path):
    for name, scales in {"train": (1, 2, 3), "valid": (4, 5), "test": (6,)}.items():
        write_json(tmp_path, [record(scale=s) for s in scales], name)

    def scales(split):
        return [box.side / 250 for box in load_mpii(tmp_path, split).boxes]

    assert scales("train") == [1, 2, 3]
    assert scales("val") == [4, 5]
    assert scales("test") == [6]
    assert scales("trainval") == [1, 2, 3, 4, 5]
    assert scales("all") == [1, 2, 3, 4, 5, 6]
    assert scales("3-4") == [3, 4]
    for split in ("0-1", "6-7", "4-3", "valid"):
        with pytest.raises(InputError, match="split: expected"):
            load_mpii(tmp_path, split)


def test_a_json_test_list_needs_no_joints(tmp_path):
    person = {"image": "a.jpg", "center": [301.0, 201.0], "scale": 2.0}
    (sample,) = load_mpii(write_json(tmp_path, [person], "test"), "test")
    assert not sample.annotated.any() and not sample.visible.any()
    with pytest.raises(InputError, match=r"train.json: \[0\].joints: expected"):
        load_mpii(write_json(tmp_path, [person], "train"), "train")


def test_head_size_is_six_tenths_of_the_box_diagonal(tmp_path):
    root = write_json(tmp_path, [record(head_box=[11, 21, 41, 61])])
    assert load_mpii(root)[0].head_size == pytest.approx(0.6 * 50)


@pytest.mark.parametrize("name", ["gt_valid.mat", "detections_our_format.mat"])
@pytest.mark.parametrize("count", [1, 2])
def test_head_boxes_of_the_validation_list_come_from_its_mat(tmp_path, name, count):
    people = [record(head_box=[0, 0, 3, 4])] * count
    write_json(tmp_path, people, "valid")
    write_json(tmp_path, people, "train")
    boxes = np.zeros((2, 2, count))
    boxes[1] = [
        [30 * (n + 1) for n in range(count)],
        [40 * (n + 1) for n in range(count)],
    ]
    savemat(tmp_path / "annot" / name, {"headboxes_src": boxes})
    sizes = [sample.head_size for sample in load_mpii(tmp_path, "val")]
    assert sizes == pytest.approx([30, 60][:count])
    assert load_mpii(tmp_path, "train")[0].head_size == pytest.approx(3)


def test_head_boxes_of_another_length_are_left_alone(tmp_path):
    write_json(tmp_path, [record(head_box=[0, 0, 3, 4]), record()], "valid")
    savemat(tmp_path / "annot" / "gt_valid.mat", {"headboxes_src": np.ones((2, 2, 3))})
    sizes = [sample.head_size for sample in load_mpii(tmp_path, "val")]
    assert sizes == [pytest.approx(3), None]


def test_a_broken_head_box_file_is_refused(tmp_path):
    write_json(tmp_path, [record()], "valid")
    savemat(tmp_path / "annot" / "gt_valid.mat", {"headboxes_src": np.ones((4, 1))})
    with pytest.raises(InputError, match="gt_valid.mat: headboxes_src: expected"):
        load_mpii(tmp_path, "val")


def with_joint(value: object) -> dict:
    return record(joints=[value, *record()["joints"][1:]])


BAD_PEOPLE = {
    "not an object": (7, r"\[1\]: expected an object"),
    "nan": (with_joint([float("nan"), 2]), "joints: expected pixels within 100,000"),
    "infinite": (with_joint([1, float("inf")]), "joints: expected pixels"),
    "absurd": (with_joint([1, -1e6]), "joints: expected pixels"),
    "too large for a float": (with_joint([1, 10**400]), "joints: expected numbers"),
    "text": (with_joint([1, "2"]), "joints: expected numbers"),
    "uneven": (with_joint([1, 2, 3]), "joints: expected numbers"),
    "15 joints": (record(joints=[[1, 2]] * 15), r"joints: expected .*\(16, 2\)"),
    "15 flags": (record(joints_vis=[1] * 15), r"joints_vis: expected .*\(16,\)"),
    "no joints": (
        record(joints=[[-1, -1]] * 16, joints_vis=[0] * 16),
        "joints: none is labelled",
    ),
    "no flags": (record(joints_vis=None), "joints_vis: expected"),
    "zero scale": (record(scale=0), r"scale: expected .* Received: 0"),
    "negative scale": (record(scale=-1.0), "scale: expected .* Received: -1"),
    "nan scale": (record(scale=float("nan")), "scale: expected"),
    "huge scale": (record(scale=1e308), "scale: expected"),
    "a list of scales": (record(scale=[1.0]), "scale: expected a number"),
    "nan center": (record(center=[1, float("nan")]), "center: expected"),
    "flat head": (record(head_box=[5, 5, 5, 5]), "head box: expected a diagonal"),
    "short head": (record(head_box=[5, 5, 5]), "head_box: expected numbers"),
    "outside": (record(image="../../secret.jpg"), "image: expected the name of a file"),
    "absolute": (record(image="/etc/passwd"), "image: expected the name of a file"),
    "no image": (record(image=None), "image: expected the name of a file"),
    "empty name": (record(image=""), "image: expected the name of a file"),
    "zero byte": (record(image="a\0.jpg"), "image: expected the name of a file"),
}


@pytest.mark.parametrize("person, message", BAD_PEOPLE.values(), ids=BAD_PEOPLE)
def test_bad_people_raise_or_are_skipped(tmp_path, caplog, person, message):
    root = write_json(tmp_path, [record(), person, record(scale=3.0)])
    with pytest.raises(InputError, match=message) as caught:
        load_mpii(root)
    assert str(caught.value).startswith(f"{root}/annot/train.json: [1]")
    assert "\n" not in str(caught.value)
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        kept = load_mpii(root, on_error="skip")
    assert [box.side for box in kept.boxes] == [500, 750]
    (logged,) = caplog.records
    assert logged.getMessage() == f"skipped 1 of 3 people: {caught.value}"


BAD_JSON = {
    "object": b'{"a": 1}',
    "cut short": json.dumps([record()]).encode()[:-9],
    "empty": b"",
    "not text": b"\xff\xfe\x00\xd8",
    "deep": b"[" * 100_000,
    "number": b"1",
}


@pytest.mark.parametrize("content", BAD_JSON.values(), ids=BAD_JSON)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_bad_json_is_refused(tmp_path, content, on_error):
    write_json(tmp_path, [])
    (tmp_path / "annot" / "train.json").write_bytes(content)
    with pytest.raises(InputError, match="train.json: expected a json list of people"):
        load_mpii(tmp_path, on_error=on_error)


def test_a_split_without_people_is_refused(tmp_path):
    with pytest.raises(InputError, match="split train: has no people"):
        load_mpii(write_json(tmp_path, []))


def test_a_missing_json_is_named(tmp_path):
    with pytest.raises(InputError, match="valid.json: expected .* No such file"):
        load_mpii(write_json(tmp_path, [record()]), "val")


def test_a_root_with_neither_form_names_both(tmp_path):
    wanted = "annot/train.json and annot/valid.json, or mpii_human_pose_v1_u12_1.mat"
    with pytest.raises(InputError, match=f"{wanted}. Received: neither"):
        load_mpii(tmp_path)
    with pytest.raises(InputError, match="Received: no folder"):
        load_mpii(tmp_path / "nowhere")


def test_the_real_sample(shared_data):
    samples = load_mpii(shared_data / "mpii-sample", "val")
    truth = loadmat(shared_data / "golden" / "detections_our_format.mat")
    for n, sample in enumerate(samples):
        missing = truth["jnt_missing"][:, n] == 1
        np.testing.assert_array_equal(sample.annotated, ~missing)
        apart = sample.joints + 1 - truth["pos_gt_src"][..., n]
        assert np.abs(apart[~missing]).max() < 1e-3
        assert sample.image_path.is_file()
    assert len(samples) == 5
    box = samples[0].box
    assert (box.x, box.y) == pytest.approx((965, 340 + 15 * 4.718488 - 1))
    assert box.side == pytest.approx(1.25 * 200 * 4.718488)


# ------------------------------------------------------------------ official release


def struct_array(items: list[dict]) -> np.ndarray:
    """A MATLAB struct array (1, N), as the release nests them."""
    names = list(dict.fromkeys(name for item in items for name in item))
    array = np.zeros((1, len(items)), [(name, object) for name in names])
    for at, item in enumerate(items):
        for name in names:
            array[0, at][name] = item.get(name, np.zeros((0, 0)))
    return array


def points(*places: tuple, **more) -> dict:
    structs = [{"id": k, "x": x, "y": y} | more for k, x, y in places]
    return {"point": struct_array(structs)}


def rect(scale: float = 2.0, **changes) -> dict:
    head = {"x1": 10, "y1": 20, "x2": 40, "y2": 60}
    place = {"scale": scale, "objpos": {"x": 301, "y": 201}}
    joints = points((9, 100, 50), (0, 110, 350), is_visible=1)
    return head | place | {"annopoints": joints} | changes


NO_POINTS = {
    "x1": 1,
    "y1": 2,
    "x2": 3,
    "y2": 4,
    "scale": 9.0,
    "objpos": {"x": 1, "y": 1},
}
NO_PLACE = {"annopoints": points((0, 5, 5)), "scale": 9.0}
ON_TEST = {"scale": 7.0, "objpos": {"x": 30, "y": 40}}
RELEASE = [
    (1, [rect(1.0), NO_POINTS, rect(2.0), NO_PLACE]),
    (0, [ON_TEST, {"x1": 5}]),
    (1, [rect(3.0)]),
    (1, []),
    (1, [rect(4.0), rect(5.0)]),
]


def write_release(root: Path, images: list = RELEASE, folder: str = "") -> Path:
    annolist = [
        {
            "image": {"name": f"{n}.jpg"},
            "annorect": struct_array(rects) if rects else np.zeros((0, 0)),
        }
        for n, (_, rects) in enumerate(images, start=1)
    ]
    release = {
        "annolist": struct_array(annolist),
        "img_train": np.array([[training for training, _ in images]]),
    }
    (root / folder).mkdir(exist_ok=True)
    savemat(root / folder / RELEASE_FILE, {"RELEASE": release}, do_compression=True)
    return root


def write_tompson(root: Path, pairs: list[tuple[int, int]]) -> None:
    images, persons = np.array(pairs).T
    savemat(
        root / "detections.mat",
        {"RELEASE_img_index": images, "RELEASE_person_index": persons},
    )


def scales(root: Path, split: str) -> list[float]:
    return [box.side / 250 for box in load_mpii(root, split).boxes]


@pytest.mark.parametrize("folder", ["", "annot", "mpii_human_pose_v1_u12_2"])
def test_release_trainval_and_test(tmp_path, folder):
    write_release(tmp_path, folder=folder)
    assert scales(tmp_path, "trainval") == [1, 2, 3, 4, 5]
    assert scales(tmp_path, "test") == [7]
    assert scales(tmp_path, "all") == [1, 2, 7, 3, 4, 5]
    assert scales(tmp_path, "2-3") == [7, 3]
    first, *_ = load_mpii(tmp_path, "trainval")
    assert first.image_path == tmp_path / "images" / "1.jpg"
    assert np.flatnonzero(first.annotated).tolist() == [0, 9]
    np.testing.assert_array_equal(first.joints[9], [99, 49])
    assert first.box == Box(300, 201 + 15 - 1, 250)
    assert first.head_size == pytest.approx(0.6 * 50)
    (test,) = load_mpii(tmp_path, "test")
    assert not test.annotated.any() and test.head_size is None


def test_tompsons_list_tells_val_from_train(tmp_path):
    write_release(tmp_path)
    write_tompson(tmp_path, [(5, 2), (1, 3)])
    assert scales(tmp_path, "val") == [5, 2]
    # Persons 1 of image 1 and image 5 stand on validation photographs.
    assert scales(tmp_path, "train") == [3]


def test_without_tompsons_list_train_and_val_say_so(tmp_path):
    write_release(tmp_path)
    for split in ("train", "val"):
        with pytest.raises(InputError, match="detections.mat: expected Tompson's list"):
            load_mpii(tmp_path, split)


@pytest.mark.parametrize("pair", [(9, 1), (0, 1), (1, 5), (4, 1)])
def test_a_list_of_another_release_is_refused(tmp_path, pair):
    write_release(tmp_path)
    write_tompson(tmp_path, [(1, 1), pair])
    with pytest.raises(InputError, match="expected image and rectangle numbers"):
        load_mpii(tmp_path, "val")


def test_json_wins_over_the_release(tmp_path):
    write_json(write_release(tmp_path), [record(scale=8.0)])
    assert scales(tmp_path, "train") == [8]


def test_bad_people_of_the_release(tmp_path, caplog):
    images = deepcopy(RELEASE)
    images[2][1][0]["scale"] = -3.0
    write_release(tmp_path, images)
    with pytest.raises(InputError, match=r"annolist\(3\).annorect\(1\).scale: .*-3"):
        load_mpii(tmp_path, "trainval")
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        assert len(load_mpii(tmp_path, "trainval", on_error="skip")) == 4
    assert "skipped 1 of 5 people" in caplog.text


@pytest.mark.parametrize(
    "release, message",
    [
        (np.zeros(3), "RELEASE: expected a struct"),
        ({"annolist": np.zeros(3)}, "RELEASE: expected a struct"),
        ({"annolist": np.zeros(3), "img_train": 1}, "RELEASE.annolist: expected"),
        (
            {"annolist": struct_array([{"image": 1}] * 3), "img_train": [1, 0]},
            "RELEASE.img_train: expected numbers of shape",
        ),
    ],
)
def test_a_release_of_another_form_is_refused(tmp_path, release, message):
    savemat(tmp_path / RELEASE_FILE, {"RELEASE": release})
    with pytest.raises(InputError, match=message):
        load_mpii(tmp_path, "trainval")


@pytest.mark.own_process
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_truncated_release_is_refused(tmp_path, share):
    path = write_release(tmp_path) / RELEASE_FILE
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=RELEASE_FILE):
        load_mpii(tmp_path, "trainval")


# ------------------------------------------------------------------ one annorect


def parse(**changes):
    place = {"objpos": {"x": 11, "y": 21}, "scale": 1.0}
    return parse_annorect(place | changes, Path("a.jpg"))


def point(**changes) -> dict:
    return {"id": 3, "x": 5, "y": 6} | changes


@pytest.mark.parametrize(
    "flag, visible", [(1, True), ("1", True), (0, False), ("0", False), ("", True)]
)
def test_visibility_in_all_its_forms(flag, visible):
    sample = parse(annopoints={"point": [point(is_visible=flag), point(id=4)]})
    assert sample.visible[3] == visible
    assert sample.visible[4] and sample.annotated[3:5].all()
    empty = parse(annopoints={"point": [point(is_visible=np.zeros(0, np.uint8))]})
    assert empty.visible[3]


@pytest.mark.parametrize("absent", [np.zeros((0, 0)), "", None, {"point": np.zeros(0)}])
def test_no_annopoints_are_no_joints(absent):
    assert not parse(annopoints=absent).annotated.any()


def test_a_single_point_is_no_list():
    sample = parse(annopoints={"point": point()})
    assert np.flatnonzero(sample.annotated).tolist() == [3]
    np.testing.assert_array_equal(sample.joints[3], [4, 5])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"objpos": np.zeros(0)}, r"objpos \(x, y\)"),
        ({"objpos": {"x": "a", "y": 1}}, r"objpos \(x, y\)"),
        ({"scale": ""}, "scale"),
        ({"scale": np.nan}, "scale"),
        (
            {"annopoints": {"point": point(id=16)}},
            "annopoints.point.id: expected 0 to 15",
        ),
        (
            {"annopoints": {"point": point(id=2.5)}},
            "annopoints.point.id: expected 0 to 15",
        ),
        ({"annopoints": {"point": point(x=np.nan)}}, "joints: expected pixels"),
        ({"annopoints": {"point": point(y=[])}}, "annopoints.point"),
        ({"x1": 1, "y1": 1, "x2": "a", "y2": 2}, "head box"),
    ],
)
def test_bad_annorects_name_the_field(changes, message):
    with pytest.raises(InputError, match=f"RELEASE: annorect.{message}"):
        parse(**changes)


def test_all_real_annorects_agree_with_the_published_arrays(shared_data):
    golden = shared_data / "golden"
    truth = loadmat(golden / "detections_our_format.mat")
    structs = loadmat(golden / "detections.mat", simplify_cells=True)["annolist"]
    samples = [parse_annorect(s["annorect"], Path("a.jpg")) for s in structs]
    assert len(samples) == 2958
    annotated = np.stack([sample.annotated for sample in samples])
    np.testing.assert_array_equal(annotated, truth["jnt_missing"].T == 0)
    joints = np.stack([sample.joints for sample in samples])
    published = truth["pos_gt_src"].transpose(2, 0, 1)
    apart = (np.abs(joints + 1 - published) > 2e-4) & annotated[..., None]
    # Of 44,240 joints, the array has a coordinate of 13 (10 people) as 0; the structs
    # it was made from do not.
    assert apart.any(axis=2).sum() == 13 and apart.any(axis=(1, 2)).sum() == 10
    np.testing.assert_allclose(published[apart], 0, atol=1e-4)
    boxes = truth["headboxes_src"]
    sizes = 0.6 * np.linalg.norm(boxes[1] - boxes[0], axis=0)
    np.testing.assert_allclose([s.head_size for s in samples], sizes, rtol=1e-4)
    visible = np.stack([sample.visible for sample in samples])
    assert annotated.sum() == 44240 and (annotated & ~visible).sum() == 10243
