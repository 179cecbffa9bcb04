"""People in shards, as they were in photographs."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import fpd_tf as fpd
from fpd_tf.data import packed
from fpd_tf.data.images import check_images, read_image
from fpd_tf.data.packed import load_packed, pack
from fpd_tf.data.people import People, Sample
from fpd_tf.data.pipeline import broken_files_named
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import MPII

CONFIG = fpd.DataConfig(input_size=128, batch_size=4)
WIDEST = dataclasses.replace(CONFIG, scale=(1.25, 1.25), rotation=180)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Twelve people, some at the edge of photographs much larger than they are."""
    folder, rng = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    samples = []
    for index in range(12):
        path = folder / f"{index}.{'png' if index == 1 else 'jpg'}"
        levels = rng.integers(0, 255, (200, 300, 3), np.uint8)
        Image.fromarray(levels).resize((900, 600)).save(path, quality=90)
        samples.append(
            Sample(
                image_path=path,
                joints=rng.uniform(0, 600, (16, 2)).astype(np.float32),
                annotated=rng.random(16) < 0.8,
                visible=rng.random(16) < 0.5,
                box=Box(*rng.uniform((0, 0), (900, 600)), rng.uniform(40, 200)),
                head_size=None if index else 17.1,
                area=100.5 * index or None,
            )
        )
    return People(samples, MPII, "pck", "photographs")


@pytest.fixture
def folder(people, tmp_path, monkeypatch):
    """Packed in several shards."""
    monkeypatch.setattr(packed, "_SHARD_BYTES", 10**6)
    return pack(people, tmp_path / "packed" / "train")


def test_people_are_as_they_were(people, folder):
    again = load_packed(folder.parent, "train")
    assert len({person.image_path for person in again}) > 1
    for person, sample in zip(again, people, strict=True):
        for name in ("joints", "annotated", "visible"):
            found, expected = getattr(person, name), getattr(sample, name)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
        assert person.head_size == sample.head_size and person.area == sample.area
        assert person.photograph == sample.image_path != person.image_path
        assert person.box.rectangle == pytest.approx(sample.box.rectangle)
    assert (again.joint_set, again.metric, again.source) == (MPII, "pck", "photographs")
    assert list(again) == list(check_images(again))


@pytest.mark.parametrize("config", [CONFIG, WIDEST])
def test_crops_are_equal_bit_for_bit(people, folder, config):
    """As long as no photograph is decoded reduced: no box has 256 pixels."""
    again = load_packed(folder.parent, "train")
    for training in (True, False):
        how = {"training": training, "first_epoch": 2 if training else None}
        for one, other in zip(
            fpd.make_dataset(people, config, **how).take(9),
            fpd.make_dataset(again, config, **how).take(9),
            strict=True,
        ):
            for found, expected in zip(other, one, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_a_shard_is_a_tfrecord_of_pixels(people, folder):
    person = load_packed(folder.parent, "train")[0]
    record = next(iter(tf.data.TFRecordDataset(str(person.image_path)))).numpy()
    _, y, x, height, width = person.packed
    photo = read_image(people[0].image_path)
    levels = np.frombuffer(record, np.uint8).reshape(height, width, 3)
    np.testing.assert_array_equal(levels, photo[y : y + height, x : x + width])
    assert levels.size < photo.size


def test_a_list_is_not_packed(people, tmp_path):
    with pytest.raises(InputError, match="people: expected People.*: list$"):
        pack(list(people), tmp_path / "new")
    assert not any(tmp_path.iterdir())


def test_crops_wider_than_packed_are_refused(folder):
    again = load_packed(folder.parent, "train")
    wider = dataclasses.replace(CONFIG, scale=(1, 1.5))
    with pytest.raises(
        InputError, match="up to 2.05 times as wide as the box.* packed 1.77 wide"
    ):
        fpd.make_dataset(again, wider, training=True)


def test_a_broken_shard_is_named(folder):
    again = load_packed(folder.parent, "train")
    shard = again[-1].image_path
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(InputError, match=rf"{shard}: SHA-256: expected \w+, as it was"):
        check_images(again)
    shard.write_bytes(content[:50])
    with (
        pytest.raises(InputError, match=rf"{shard}: SHA-256"),
        broken_files_named(),
    ):
        list(fpd.make_dataset(again, CONFIG))
    shard.unlink()
    with pytest.raises(InputError, match=rf"{shard}: expected a shard"):
        load_packed(folder.parent, "train")


@pytest.mark.parametrize(
    "name, content, problem",
    [
        ("manifest.json", b"{", "manifest of `fpd pack`"),
        ("manifest.json", b"[]", "manifest of `fpd pack`"),
        ("people.npz", b"PK", "people.npz: SHA-256"),
    ],
)
def test_a_broken_folder_is_refused(folder, name, content, problem):
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=problem):
        load_packed(folder.parent, "train")


def test_no_such_split(folder):
    with pytest.raises(InputError, match="manifest.json.*Received: No such file"):
        load_packed(folder.parent, "val")


def test_nothing_is_left_half_written(people, folder, tmp_path):
    with pytest.raises(InputError, match="it exists already"):
        pack(people, folder)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    bad = dataclasses.replace(people[0], image_path=broken)
    with pytest.raises(InputError, match="broken.jpg: expected a whole photograph"):
        pack(people.of([people[0], bad]), tmp_path / "packed" / "other")
    assert [path.name for path in folder.parent.iterdir()] == ["train"]
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(InputError, match="file/train: it cannot be written"):
        pack(people, blocked / "train")
