import json
import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from fpd_tf.data.mpii import load_mpii
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box

pytestmark = pytest.mark.usefixtures("mat_files_here")


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


def test_head_boxes_of_another_length_are_left_alone_and_told(tmp_path, caplog):
    write_json(tmp_path, [record(head_box=[0, 0, 3, 4]), record()], "valid")
    savemat(tmp_path / "annot" / "gt_valid.mat", {"headboxes_src": np.ones((2, 2, 3))})
    sizes = [sample.head_size for sample in load_mpii(tmp_path, "val")]
    assert sizes == [pytest.approx(3), None]
    boxes, people = (each.getMessage() for each in caplog.records)
    assert "gt_valid.mat: not used, it has the head boxes of 3 people; valid" in boxes
    assert "1 of 2 people have no head box, so scores are PCK@0.2" in people
    caplog.clear()
    write_json(tmp_path, [record()])
    (tmp_path / "annot" / "gt_valid.mat").unlink()
    assert load_mpii(tmp_path, "trainval").metric == "pck" and not caplog.records


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
