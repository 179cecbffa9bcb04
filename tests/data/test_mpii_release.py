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
    person = {"image": "a.jpg", "center": [301, 201], "scale": 8.0}
    person |= {"joints": [[100, 50]] * 16, "joints_vis": [1] * 16}
    (write_release(tmp_path) / "annot").mkdir()
    (tmp_path / "annot" / "train.json").write_text(json.dumps([person]))
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
