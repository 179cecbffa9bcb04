import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fpd_tf.data.lsp import load_lsp
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box

pytestmark = pytest.mark.usefixtures("mat_files_here")


def lsp_joints(count: int) -> np.ndarray:
    """(3, 14, N): joint k of person n at x = 10 k + 1, y = n + 1; nobody occluded."""
    joints = np.zeros((3, 14, count))
    joints[0] = 10 * np.arange(14)[:, None] + 1
    joints[1] = np.arange(count) + 1
    return joints


def lspet_joints(count: int) -> np.ndarray:
    """(14, 3, N): the same places, everything labelled."""
    joints = lsp_joints(count).transpose(1, 0, 2)
    joints[:, 2] = 1
    return joints


def write(folder: Path, joints: np.ndarray, name: str = "joints") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / "joints.mat", {name: joints}, do_compression=True)
    return folder


def people(samples) -> list[int]:
    """Which people: their y in 0-based pixels is their place."""
    return [int(sample.box.y) for sample in samples]


@pytest.mark.parametrize("make", [lsp_joints, lspet_joints])
def test_coordinates_become_zero_based_and_the_box_is_the_square_around(tmp_path, make):
    joints = make(9)
    sample = load_lsp(write(tmp_path, joints), "3-3")[0]
    np.testing.assert_array_equal(sample.joints[:, 0], 10 * np.arange(14))
    np.testing.assert_array_equal(sample.joints[:, 1], np.full(14, 2))
    assert sample.joints.dtype == np.float32
    assert sample.box == Box(65, 2, 1.3 * 130)
    assert sample.head_size is None


def test_a_small_person_gets_sixty_pixels(tmp_path):
    joints = lsp_joints(1)
    joints[0] /= 10
    assert load_lsp(write(tmp_path, joints), "all")[0].box.side == 60


def test_lsp_flag_is_occlusion_and_every_joint_is_annotated(tmp_path):
    joints = lsp_joints(2)
    joints[2, 4, 0] = 1
    first = load_lsp(write(tmp_path, joints), "all")[0]
    assert first.annotated.all()
    assert np.flatnonzero(~first.visible).tolist() == [4]
    assert first.image_path == tmp_path / "images" / "im0001.jpg"


def test_lspet_flag_is_annotation(tmp_path):
    joints = lspet_joints(9)
    joints[4, 2, 1] = 0
    joints[4, :2, 1] = -300
    second = load_lsp(write(tmp_path, joints), "all")[1]
    assert np.flatnonzero(~second.annotated).tolist() == [4]
    np.testing.assert_array_equal(second.visible, second.annotated)
    np.testing.assert_array_equal(second.joints[4], [0, 0])
    assert second.box == Box(65, 1, 1.3 * 130)
    assert second.image_path == tmp_path / "images" / "im00002.jpg"


@pytest.mark.parametrize("axis", [0, 1])
def test_a_labelled_lspet_joint_outside_the_corner_is_not_annotated(tmp_path, axis):
    joints = lspet_joints(9)
    joints[5, axis, 0] = 0
    first = load_lsp(write(tmp_path, joints), "all")[0]
    assert np.flatnonzero(~first.annotated).tolist() == [5]


def test_the_box_leaves_out_joints_without_label(tmp_path):
    joints = lspet_joints(9)
    joints[10:, 2] = 0
    sample = load_lsp(write(tmp_path, joints), "1-1")[0]
    assert sample.box == Box(45, 0, 1.3 * 90)


def test_lsp_splits(tmp_path):
    root = write(tmp_path, lsp_joints(20))
    assert people(load_lsp(root)) == list(range(10))
    assert people(load_lsp(root, "trainval")) == list(range(10))
    assert people(load_lsp(root, "test")) == list(range(10, 20))
    assert people(load_lsp(root, "all")) == list(range(20))
    assert people(load_lsp(root, "9-12")) == [8, 9, 10, 11]
    with pytest.raises(InputError, match="split: .*LSP has no val"):
        load_lsp(root, "val")


@pytest.mark.parametrize("count, val", [(17, 1), (18, 2), (90, 10)])
def test_lspet_splits(tmp_path, count, val):
    root = write(tmp_path, lspet_joints(count))
    assert people(load_lsp(root)) == list(range(count - val))
    assert people(load_lsp(root, "val")) == list(range(count - val, count))
    assert len(load_lsp(root, "trainval")) == len(load_lsp(root, "all")) == count
    with pytest.raises(InputError, match="LSP-extended has no test"):
        load_lsp(root, "test")


def test_the_union_is_the_papers_eleven_thousand(tmp_path):
    write(tmp_path / "lsp", lsp_joints(2000))
    write(tmp_path / "lspet", lspet_joints(10000))
    assert len(load_lsp(tmp_path, "trainval")) == 11000
    val = load_lsp(tmp_path, "val")
    assert len(val) == 1000
    assert val[0].image_path == tmp_path / "lspet" / "images" / "im09001.jpg"
    border = [sample.image_path for sample in load_lsp(tmp_path, "2000-2001")]
    assert border == [
        tmp_path / "lsp" / "images" / "im2000.jpg",
        tmp_path / "lspet" / "images" / "im00001.jpg",
    ]


def test_the_unions_splits_are_those_of_its_parts(tmp_path):
    write(tmp_path / "lsp", lsp_joints(20))
    write(tmp_path / "lspet", lspet_joints(90))
    assert people(load_lsp(tmp_path, "train")) == [*range(10), *range(80)]
    assert people(load_lsp(tmp_path, "test")) == list(range(10, 20))
    assert people(load_lsp(tmp_path, "val")) == list(range(80, 90))


def test_other_folder_names_and_one_set_alone(tmp_path):
    write(tmp_path / "hr-lspet", lspet_joints(9))
    assert len(load_lsp(tmp_path, "all")) == 9
    write(tmp_path / "lsp_dataset", lsp_joints(4))
    assert len(load_lsp(tmp_path, "all")) == 13


@pytest.mark.parametrize("place", ["", "images"])
def test_hr_lspet_as_it_is_unpacked(tmp_path, place):
    """Photographs of several numbers are missing: people are those that are there."""
    folder = write(tmp_path / "hr-lspet", lspet_joints(9))
    (folder / place).mkdir(exist_ok=True)
    numbers = [1, 2, 5, 6, 7, 8, 100, 101, 10000]
    for number in numbers:
        (folder / place / f"im{number:05d}.png").touch()
    found = load_lsp(tmp_path, "all")
    names = [sample.image_path.name for sample in found]
    assert names == [f"im{number:05d}.png" for number in numbers]
    assert {sample.image_path.parent for sample in found} == {folder / place}
    assert people(found) == list(range(9))
    (folder / place / "im00007.png").unlink()
    with pytest.raises(InputError, match="expected 9 photographs im.*Received: 8"):
        load_lsp(tmp_path, "all")


@pytest.mark.parametrize("split", ["0-3", "3-2", "1-19", "first", "1-", "", "-1-2"])
def test_unknown_splits_are_refused(tmp_path, split):
    root = write(tmp_path, lspet_joints(18))
    with pytest.raises(InputError, match="split: expected"):
        load_lsp(root, split)


BAD_PEOPLE = {
    "nan": (np.s_[3, 0, 2], np.nan, "person 3: expected"),
    "infinite": (np.s_[3, 1, 2], np.inf, "person 3: expected"),
    "absurd": (np.s_[3, 0, 2], 2e5, "person 3: expected"),
    "no joints": (np.s_[:, 2, 2], 0, "person 3: has no labelled"),
}


@pytest.mark.parametrize("where, value, said", BAD_PEOPLE.values(), ids=BAD_PEOPLE)
def test_bad_people_raise_or_are_skipped_and_counted(
    tmp_path, caplog, where, value, said
):
    joints = lspet_joints(9)
    joints[where] = value
    write(tmp_path, joints)
    with pytest.raises(InputError, match=f"joints.mat: .*{said}"):
        load_lsp(tmp_path, "all")
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        kept = load_lsp(tmp_path, "all", on_error="skip")
    assert people(kept) == [0, 1, 3, 4, 5, 6, 7, 8]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"skipped 1 of 9 people: {tmp_path}")


BAD_FILES = {
    "wrong shape": (np.zeros((2, 14, 5)), "joints: expected shape"),
    "nobody": (np.zeros((3, 14, 0)), "joints: expected shape"),
    "four axes": (np.ones((14, 3, 2, 2)), "joints: expected shape"),
    "a number": (np.float64(3), "joints: expected shape"),
    "text": (np.array(["a", "b"]), "joints: expected shape"),
    "cells": (np.full((3, 14, 2), "a", object), "joints: expected numbers"),
    "complex": (lsp_joints(2) + 1j, "joints: expected numbers"),
    "another flag": (lsp_joints(2) + 2, "third row: expected flags 0 or 1"),
    "a struct": ({"joints": 3}, "joints: expected shape"),
}


@pytest.mark.parametrize("content, message", BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_bad_files_are_refused(tmp_path, content, message, on_error):
    write(tmp_path, content)
    with pytest.raises(InputError, match=message):
        load_lsp(tmp_path, "all", on_error=on_error)


def test_another_variable_is_refused(tmp_path):
    write(tmp_path, lsp_joints(2), name="points")
    with pytest.raises(InputError, match=r"joints: expected .* Received: \['points'\]"):
        load_lsp(tmp_path)


@pytest.mark.own_process
@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.999])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = write(tmp_path, lsp_joints(100)) / "joints.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="joints.mat: "):
        load_lsp(tmp_path)


@pytest.mark.own_process
def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "joints.mat").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(InputError, match="joints.mat: expected a whole MATLAB file"):
        load_lsp(tmp_path)


def test_a_missing_set_names_what_was_looked_for(tmp_path):
    with pytest.raises(InputError, match="expected joints.mat, or lsp/joints.mat"):
        load_lsp(tmp_path)
    with pytest.raises(InputError, match="Received: no folder"):
        load_lsp(tmp_path / "nowhere")


@pytest.mark.own_process
def test_the_real_extension(shared_data):
    root = shared_data / "lspet"
    train, val = load_lsp(root, "train"), load_lsp(root, "val")
    assert (len(train), len(val)) == (8000, 1000)
    assert val[0].image_path == root / "images" / "im08001.jpg"
    both = train.of([*train, *val])
    # 14,995 flags of 0 and 7 labels outside the corner, of 126,000.
    assert 1 - both.annotated.mean() == pytest.approx((14995 + 7) / 126000)
    assert both.annotated.all(axis=1).mean() == pytest.approx(3594 / 9000)
    assert min(box.side for box in both.boxes) >= 60


@pytest.mark.own_process
def test_the_real_original_agrees_with_its_published_labels(shared_data, tmp_path):
    source = shared_data / "golden" / "lsp-joints-PC.mat"
    (tmp_path / "joints.mat").symlink_to(source)
    test = load_lsp(tmp_path, "test")
    assert len(load_lsp(tmp_path, "all")) == 2000 and len(test) == 1000
    assert test[0].image_path.name == "im1001.jpg"
    assert all(sample.annotated.all() for sample in test)
    occluded = [~sample.visible for sample in load_lsp(tmp_path, "all")]
    assert np.mean(occluded) == pytest.approx(0.073, abs=5e-4)
