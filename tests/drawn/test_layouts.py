import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from fpd_tf.data.lsp import load_lsp
from fpd_tf.data.mpii import load_mpii
from fpd_tf.drawn import layouts as synthetic
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.drawn.picture import draw_person
from fpd_tf.errors import InputError
from fpd_tf.joint_maps import lsp_to_mpii
from fpd_tf.joints import LSP

COUNT, SEED = 12, 3
LAYOUTS = ("mpii", "lsp", "lspet")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    return {name: synthesize(folder / name, name, COUNT, SEED) for name in LAYOUTS}


@pytest.fixture(scope="module")
def people():
    return [draw_person(SEED, index)[1] for index in range(COUNT)]


def _files(root):
    paths = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_seed_same_bytes(roots, tmp_path, layout):
    again = synthesize(tmp_path / "again", layout, COUNT, SEED)
    assert _files(again) == _files(roots[layout])
    mats = [path.read_bytes() for path in again.glob("*.mat")]
    assert mats and not any(b"Created on" in content[:116] for content in mats)


def test_another_seed_draws_others(roots, tmp_path):
    other = _files(synthesize(tmp_path / "other", "mpii", 2, SEED + 1))
    name = "images/000001.jpg"
    assert other[name] != _files(roots["mpii"])[name]


def test_fewer_people_are_the_first_of_more(roots, tmp_path):
    few = synthesize(tmp_path / "few", "mpii", 4, SEED)
    images = [name for name in _files(few) if name.startswith("images/")]
    assert len(images) == 4
    assert all(_files(few)[name] == _files(roots["mpii"])[name] for name in images)
    assert _records(few) == _records(roots["mpii"])[:4]


def _records(root):
    texts = ((root / "annot" / f"{n}.json").read_text() for n in ("train", "valid"))
    return [record for text in texts for record in json.loads(text)]


@pytest.mark.parametrize(
    ("layout", "name"),
    [("mpii", "000012.jpg"), ("lsp", "im0012.jpg"), ("lspet", "im00012.jpg")],
)
def test_pictures_are_colour_jpegs_numbered_from_1(roots, layout, name):
    path = roots[layout] / "images" / name
    drawn = draw_person(SEED, 11)[0]
    assert cv2.imread(str(path)).shape == drawn.shape
    assert len(list(path.parent.iterdir())) == COUNT


@pytest.mark.parametrize(("count", "valid"), [(2, 1), (11, 1), (12, 2), (13, 2)])
def test_the_last_sixth_is_for_validation(tmp_path, count, valid):
    root = synthesize(tmp_path / "people", count=count)
    assert len(load_mpii(root, "train")) == count - valid
    names = [sample.image_path.name for sample in load_mpii(root, "val")]
    assert names == [f"{count - valid + 1 + at:06d}.jpg" for at in range(valid)]


def test_mpii_reads_back_what_was_drawn(roots, people):
    samples = load_mpii(roots["mpii"], "trainval")
    for sample, person in zip(samples, people, strict=True):
        known = person.annotated
        assert np.array_equal(sample.annotated, known)
        assert np.abs(sample.joints - person.joints)[known].max() < 0.01
        x, y = person.center + (0, 15 * person.scale)
        assert (sample.box.x, sample.box.y) == pytest.approx((x, y), abs=0.01)
        assert sample.box.side == pytest.approx(250 * person.scale)
        size = 0.6 * np.hypot(*(person.head_box[2:] - person.head_box[:2]))
        assert sample.head_size == pytest.approx(size, abs=0.02)


@pytest.mark.parametrize("split", ["train", "val", "trainval"])
def test_release_and_json_are_the_same_people(roots, people, tmp_path, split):
    release = tmp_path / "release"
    shutil.copytree(roots["mpii"], release, ignore=shutil.ignore_patterns("annot"))
    a, b = load_mpii(roots["mpii"], split), load_mpii(release, split)
    assert [one.image_path.name for one in a] == [one.image_path.name for one in b]
    for one, other in zip(a, b, strict=True):
        for field in ("joints", "annotated", "head_size"):
            assert np.array_equal(getattr(one, field), getattr(other, field)), field
        assert one.box == other.box
        person = people[int(other.image_path.stem) - 1]
        seen = person.visible | np.isin(np.arange(16), (8, 9))
        assert np.array_equal(other.visible, seen & person.annotated)


def test_release_is_nested_like_the_published_one(roots, people):
    path = roots["mpii"] / "mpii_human_pose_v1_u12_1.mat"
    release = loadmat(path, squeeze_me=True, struct_as_record=False)["RELEASE"]
    assert release.img_train.tolist() == [1] * COUNT
    assert release.single_person.tolist() == [1] * COUNT
    person, image = people[0], release.annolist[0]
    assert image.image.name == "000001.jpg"
    points = {point.id: point for point in image.annorect.annopoints.point}
    assert sorted(points) == np.flatnonzero(person.annotated).tolist()
    for joint, point in points.items():
        assert [point.x, point.y] == pytest.approx(person.joints[joint] + 1, abs=0.01)
        if joint in (8, 9):
            assert point.is_visible.size == 0
        else:
            assert point.is_visible == person.visible[joint]


def test_missing_joints_in_json_are_minus_one(roots, people):
    missing = np.array([~person.annotated for person in people])
    records = _records(roots["mpii"])
    joints = np.array([record["joints"] for record in records])
    assert missing.any()
    assert (joints[missing] == -1).all() and (joints[~missing] > 0).all()
    assert np.array_equal(~missing, [record["joints_vis"] for record in records])


def test_lsp_labels_everybody_and_flags_the_occluded(roots, people):
    stored = loadmat(roots["lsp"] / "joints.mat")["joints"]
    assert stored.shape == (3, 14, COUNT)
    samples = load_lsp(roots["lsp"], "all")
    for at, (sample, person) in enumerate(zip(samples, people, strict=True)):
        assert sample.annotated.all()
        joints, seen = lsp_to_mpii(sample.joints, sample.visible)
        limbs = np.delete(np.arange(16), (6, 7))
        assert np.abs(joints - person.joints)[limbs].max() < 0.01
        assert np.array_equal(seen[limbs], person.visible[limbs])
        assert stored[0, LSP.index("left_wrist"), at] == pytest.approx(
            person.joints[15, 0] + 1, abs=0.01
        )


def test_lspet_leaves_the_missing_at_zero(roots, people):
    stored = loadmat(roots["lspet"] / "joints.mat")["joints"]
    assert stored.shape == (14, 3, COUNT)
    assert not stored[:, :2][stored[:, [2, 2]] == 0].any()
    samples = load_lsp(roots["lspet"], "all")
    for sample, person in zip(samples, people, strict=True):
        _, known = lsp_to_mpii(sample.joints, sample.annotated)
        limbs = np.delete(np.arange(16), (6, 7))
        assert np.array_equal(known[limbs], person.annotated[limbs])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"layout": "coco"}, "layout"), ({"count": 1}, "count"), ({"seed": -1}, "seed")],
)
def test_bad_arguments_are_named(tmp_path, arguments, field):
    with pytest.raises(InputError, match=f"^synthesize: {field}: "):
        synthesize(tmp_path / "people", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="it exists already"):
        synthesize(tmp_path, count=2)
    with pytest.raises(InputError, match="it exists already"):
        synthesize(tmp_path / "note.txt", count=2)
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "people").mkdir()
    root = synthesize(tmp_path / "people", count=2)
    assert len(load_mpii(root, "train")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["people"]


def test_an_interrupted_call_leaves_nothing(tmp_path, monkeypatch):
    def stopped(seed, index):
        if index == 1:
            raise KeyboardInterrupt
        return draw_person(seed, index)

    monkeypatch.setattr(synthetic, "draw_person", stopped)
    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "people", count=3)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="people: .*No space left on device$"):
        synthesize(tmp_path / "people", count=2)
    assert not list(tmp_path.iterdir())
