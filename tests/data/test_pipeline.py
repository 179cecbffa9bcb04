"""B batch, K joints; crops of 64 px, heatmaps of 16 x 16 cells."""

import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import fpd_tf as fpd
from fpd_tf.codec import decode_heatmaps, encode_heatmaps
from fpd_tf.data.images import read_image
from fpd_tf.data.people import People, Sample
from fpd_tf.data.pipeline import broken_files_named
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box, apply_matrix
from fpd_tf.joints import MPII, JointSet

PLAIN = fpd.DataConfig(
    input_size=64, batch_size=2, scale=(1.0, 1.0), rotation=0.0, flip=0.0
)
AUGMENTED = fpd.DataConfig(input_size=64, batch_size=2)


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> People:
    """Five people of 16 joints, each alone on a small smooth photograph."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    y, x = np.mgrid[:90, :120]
    samples = []
    for index in range(5):
        waves = [np.sin(x / 13 + index + k) * np.cos(y / 11 - k) for k in range(3)]
        path = folder / f"{index}.jpg"
        Image.fromarray(np.uint8(np.stack(waves, -1) * 90 + 128)).save(path, quality=95)
        samples.append(
            Sample(
                image_path=path,
                joints=rng.uniform((25, 10), (95, 80), (16, 2)).astype(np.float32),
                annotated=rng.random(16) < 0.8,
                visible=np.ones(16, bool),
                box=Box(60 + index, 45, 72 + 4 * index),
            )
        )
    return People(samples, MPII)


def all_of(dataset):
    """The arrays of a dataset, its batches joined."""
    columns = zip(*dataset.as_numpy_iterator(), strict=True)
    return [np.concatenate(arrays) for arrays in columns]


def test_elements_are_one_resampling_of_the_photograph(people):
    dataset = fpd.make_dataset(people, PLAIN)
    assert dataset.cardinality() == 3  # the last one partial
    images, heatmaps, weights = all_of(dataset)
    assert images.dtype == heatmaps.dtype == weights.dtype == np.float32
    assert images.shape == (5, 64, 64, 3) and heatmaps.shape == (5, 16, 16, 16)
    assert images.min() >= 0 and images.max() <= 1
    for sample, image, maps, weight in zip(
        people, images, heatmaps, weights, strict=True
    ):
        matrix = sample.box.matrix(64)
        photo = read_image(sample.image_path).astype(np.float32)
        expected = cv2.warpAffine(photo, matrix, (64, 64)) / 255
        np.testing.assert_allclose(image, expected, atol=0.6 / 255)  # a level's half
        joints = apply_matrix(matrix, sample.joints)
        truth = encode_heatmaps(joints, sample.annotated, size=16, sigma=2.0)
        np.testing.assert_allclose(maps, truth[0], atol=1e-4)
        np.testing.assert_array_equal(weight, truth[1])
    assert 0 < weights.mean() < 1


def test_flip_mirrors_and_swaps_left_and_right(people):
    plain = all_of(fpd.make_dataset(people[:2], PLAIN))
    always = dataclasses.replace(PLAIN, flip=1.0)
    flipped = next(iter(fpd.make_dataset(people[:2], always, training=True)))
    order = MPII.flip_order
    both = [
        (plain[0][:, :, ::-1], 1.001 / 255),  # a level, where a half is rounded
        (plain[1][:, :, ::-1][..., order], 1e-4),
        (plain[2][:, order], 0),
    ]
    first = np.abs(flipped[0] - both[0][0]).max() > 0.01  # it is shuffled
    for tensor, (expected, tolerance) in zip(flipped, both, strict=True):
        found = tensor.numpy()[::-1] if first else tensor.numpy()
        np.testing.assert_allclose(found, expected, atol=tolerance)


def test_joints_of_ones_own(people):
    own = JointSet("two", ("left", "right"), ((0, 1),), (), {})
    sample = dataclasses.replace(
        people[0],
        joints=people[0].joints[:2],
        annotated=np.array([True, False]),
        visible=np.ones(2, bool),
    )
    always = dataclasses.replace(PLAIN, flip=1.0, batch_size=1)
    own_people = People([sample], own)
    dataset = fpd.make_dataset(own_people, always, training=True)
    assert all_of(dataset)[2].tolist() == [[0.0, 1.0]]
    with pytest.raises(InputError, match="people: expected People, which know.*list"):
        fpd.make_dataset([sample], always)


def test_unlabelled_joints_may_hold_anything(people):
    joints = np.where(people[0].annotated[:, None], people[0].joints, np.nan)
    sample = dataclasses.replace(people[0], joints=joints)
    images, heatmaps, weights = all_of(fpd.make_dataset(people.of([sample]), PLAIN))
    assert np.isfinite(heatmaps).all() and np.isfinite(images).all()
    assert not heatmaps[..., ~people[0].annotated].any()


def test_scale_and_rotation_stay_in_their_ranges_and_fill_them(people):
    box = people[0].box
    joints = np.zeros((16, 2), np.float32) + (box.x, box.y)
    joints[1] += (15, 0)
    sample = dataclasses.replace(
        people[0],
        joints=joints,
        annotated=np.ones(16, bool),
        box=Box(box.x, box.y, 100),
    )
    config = dataclasses.replace(AUGMENTED, batch_size=64, flip=0.0)
    _, heatmaps, _ = all_of(
        fpd.make_dataset(people.of([sample] * 64), config, training=True)
    )
    found, _ = decode_heatmaps(heatmaps)
    np.testing.assert_allclose(found[:, 0], 31.5, atol=0.01)
    x, y = (found[:, 1] - found[:, 0]).T
    angle = np.degrees(np.arctan2(y, x))
    factor = 15 * (64 / 100) / np.hypot(x, y)
    assert -30.2 < angle.min() < -20 and 20 < angle.max() < 30.2
    assert 0.745 < factor.min() < 0.85 and 1.15 < factor.max() < 1.255


def test_colour_changes_each_channel_by_a_factor(people):
    grey = people[0].image_path.with_name("grey.png")
    Image.new("RGB", (120, 90), (100, 100, 100)).save(grey)
    sample = dataclasses.replace(
        people[0], image_path=grey, box=people[0].box.scaled(0.5)
    )
    config = dataclasses.replace(PLAIN, color=0.3, batch_size=32)
    images, _, _ = all_of(
        fpd.make_dataset(people.of([sample] * 32), config, training=True)
    )
    gains = images / (100 / 255)
    np.testing.assert_allclose(gains, np.broadcast_to(gains[:, :1, :1], gains.shape))
    assert 0.7 <= gains.min() < 0.75 and 1.25 < gains.max() <= 1.3
    assert np.ptp(gains[:, 0, 0], axis=1).max() > 0.3  # channels apart
    plain, _, _ = all_of(fpd.make_dataset(people.of([sample]), config))
    np.testing.assert_allclose(plain, 100 / 255, rtol=1e-6)


def test_a_seed_gives_the_same_batches_and_each_pass_new_ones(people):
    dataset = fpd.make_dataset(people, AUGMENTED, training=True)
    assert dataset.cardinality() == 2  # the partial batch is dropped
    first, second = all_of(dataset), all_of(dataset)
    again = all_of(fpd.make_dataset(people, AUGMENTED, training=True))
    other = dataclasses.replace(AUGMENTED, seed=1)
    elsewhere = all_of(fpd.make_dataset(people, other, training=True))
    for one, two, same, different in zip(first, second, again, elsewhere, strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, two) and not np.array_equal(one, different)


def test_batches_that_are_kept_do_not_change(people):
    dataset = fpd.make_dataset(people, AUGMENTED, training=True, first_epoch=0)
    batches = dataset.take(12)
    kept = [part for batch in batches.as_numpy_iterator() for part in batch]
    copies = [np.copy(part) for batch in batches for part in batch]
    for one, other in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stream_can_be_taken_up_at_any_epoch(people):
    def stream(first_epoch, batches):
        dataset = fpd.make_dataset(
            people, AUGMENTED, training=True, first_epoch=first_epoch
        )
        return all_of(dataset.take(batches))

    whole = stream(0, 6)
    tf.random.set_seed(3)  # of no effect
    for whole_array, late_array in zip(whole, stream(2, 2), strict=True):
        np.testing.assert_array_equal(whole_array[8:], late_array)
        assert not np.array_equal(whole_array[:4], whole_array[4:8])


def test_the_same_person_looks_different_in_each_epoch(people):
    config = dataclasses.replace(AUGMENTED, batch_size=1)
    stream = fpd.make_dataset(people[:1], config, training=True, first_epoch=0)
    (one, _, _), (other, _, _) = stream.take(2)
    assert np.abs(one - other).max() > 0.05


def test_an_epoch_shows_nobody_twice(people):
    config = dataclasses.replace(PLAIN, batch_size=1)
    photos = [read_image(sample.image_path)[45, 60] for sample in people]
    orders = []
    stream = fpd.make_dataset(people, config, training=True, first_epoch=0)
    for images, _, _ in stream.take(15):
        middle = images[0, 31:33, 31:33].numpy().mean(axis=(0, 1)) * 255
        orders.append(np.abs(np.subtract(photos, middle)).sum(axis=1).argmin())
    for epoch in np.reshape(orders, (3, 5)):
        assert sorted(epoch) == [0, 1, 2, 3, 4]
    assert len({tuple(epoch) for epoch in np.reshape(orders, (3, 5))}) > 1


@pytest.mark.parametrize(
    "mode, suffix", [("L", "jpg"), ("CMYK", "jpg"), ("P", "png"), ("RGBA", "webp")]
)
def test_photographs_of_other_kinds_read_alike(people, tmp_path, mode, suffix):
    path = tmp_path / f"photo.{suffix}"
    with Image.open(people[0].image_path) as photo:
        photo.convert(mode).save(path, quality=95)
    sample = dataclasses.replace(people[0], image_path=path)
    ((image, _, _),) = fpd.make_dataset(people.of([sample]), PLAIN).as_numpy_iterator()
    matrix = sample.box.matrix(64)
    expected = cv2.warpAffine(np.float32(read_image(path)), matrix, (64, 64)) / 255
    assert np.abs(image[0] - expected).mean() < 0.01


def vanished(path):
    path.unlink()


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-200])


def turned_to_text(path):
    path.write_text("hello")


@pytest.mark.parametrize(
    "spoil, said",
    [
        (vanished, "No such file"),
        (cut_short, "image file is truncated"),
        (turned_to_text, "not such an image"),
    ],
)
def test_a_file_at_fault_is_named(people, tmp_path, spoil, said):
    path = shutil.copy(people[2].image_path, tmp_path)
    spoil(Path(path))
    spoilt = dataclasses.replace(people[2], image_path=Path(path))
    people = people.of([*people[:2], spoilt])
    wanted = f"^{path}: expected a whole photograph .*Received: {said}"
    with pytest.raises(InputError, match=wanted) as refusal:
        with broken_files_named():
            list(fpd.make_dataset(people, PLAIN))
    assert "\n" not in str(refusal.value)


def test_an_error_without_a_file_at_fault_goes_on(people):
    with pytest.raises(tf.errors.ResourceExhaustedError, match="out of memory"):
        with broken_files_named():
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")


def test_crops_within_across_and_outside_of_a_photograph(people, tmp_path):
    """Where a box leaves the photograph the crop is black, and nowhere else."""
    path, around = tmp_path / "white.png", []
    Image.new("RGB", (270, 180), (255, 255, 255)).save(path)
    for x, y in ((135, 90), (133.4, 88.7), (5, 170), (268, 2), (-80, 90), (135, 400)):
        for side in (10, 60, 200, 600):
            box = Box(x, y, side)
            around.append(dataclasses.replace(people[0], image_path=path, box=box))
    images, _, _ = all_of(fpd.make_dataset(people.of(around), PLAIN))
    for person, image in zip(around, images, strict=True):
        matrix = person.box.matrix(64)
        expected = cv2.warpAffine(np.ones((180, 270, 3), np.float32), matrix, (64, 64))
        np.testing.assert_allclose(image, expected, atol=0.6 / 255)
    shown = images.max(axis=(1, 2, 3)) > 0
    assert 0.6 < shown.mean() < 0.95


@pytest.mark.parametrize("factor, reduction", [(1.9, 1), (2.1, 2), (4.1, 4), (9.0, 8)])
def test_training_decodes_no_more_of_a_jpeg_than_its_crops_show(
    people, tmp_path, monkeypatch, factor, reduction
):
    """Smooth photographs look the same, however much they are reduced."""
    path = tmp_path / "large.jpg"
    with Image.open(people[0].image_path) as photo:
        photo.resize((1200, 900)).save(path, quality=95)
    box = Box(600, 450, factor * 64)
    sample = dataclasses.replace(people[0], image_path=path, box=box)
    decode, asked = cv2.imdecode, []
    monkeypatch.setattr(
        cv2, "imdecode", lambda data, how: asked.append(how) or decode(data, how)
    )
    one = dataclasses.replace(PLAIN, batch_size=1)
    trained = all_of(fpd.make_dataset(people.of([sample]), one, training=True))
    scored = all_of(fpd.make_dataset(people.of([sample]), one))
    np.testing.assert_allclose(trained[0], scored[0], atol=0.03)
    np.testing.assert_array_equal(trained[1], scored[1])
    how = {1: 0, 2: 16, 4: 32, 8: 64}[reduction] | cv2.IMREAD_COLOR_RGB
    assert asked == [how, cv2.IMREAD_COLOR_RGB]


def test_a_phones_turned_photograph_is_trained_on_as_it_is_labelled(people, tmp_path):
    path, turned = tmp_path / "upright.png", tmp_path / "turned.png"
    with Image.open(people[0].image_path) as photo:
        photo.save(path)
        exif = Image.Exif()
        exif[0x0112] = 6  # stored on its left side
        photo.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    for training in (True, False):
        one, other = (
            all_of(
                fpd.make_dataset(
                    people.of([dataclasses.replace(people[0], image_path=file)] * 2),
                    AUGMENTED,
                    training=training,
                )
            )
            for file in (path, turned)
        )
        for found, expected in zip(other, one, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_too_few_people_are_refused(people):
    with pytest.raises(InputError, match="one batch of 2 people. Received: 1"):
        fpd.make_dataset(people[:1], AUGMENTED, training=True)
    with pytest.raises(InputError, match="Received: 0"):
        fpd.make_dataset(people[:0], AUGMENTED)


@pytest.mark.parametrize("labelled", [0, 5])
def test_a_batch_needs_labelled_people_and_others(people, labelled):
    """Without this, an endless stream of empty epochs, or a division by 0 in a run."""
    how = {"training": True, "first_epoch": 0, "labelled": labelled}
    with pytest.raises(InputError, match="^labelled: expected 1, .* not all 5 people"):
        fpd.make_dataset(people, AUGMENTED, **how)


@pytest.mark.parametrize(
    "setting",
    [
        {"input_size": 66},
        {"input_size": 16},
        {"sigma": 0},
        {"sigma": float("nan")},
        {"batch_size": 0},
        {"scale": (0, 1)},
        {"scale": (1.25, 0.75)},
        {"rotation": -1},
        {"flip": 1.5},
        {"color": 1},
        {"seed": -1},
        {"sigmas": 2},
    ],
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InputError, match=f"^DataConfig: {next(iter(setting))}.*: exp"):
        fpd.DataConfig(**setting)
