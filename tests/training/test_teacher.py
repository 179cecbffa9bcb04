import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fpd_tf.data.pipeline import DataConfig, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.models.precision import with_precision
from fpd_tf.predictors.load import load_predictor
from fpd_tf.training import kept_predictions
from fpd_tf.training import teacher as teacher_cache
from fpd_tf.training.recipes import TrainConfig
from fpd_tf.training.run import distill
from fpd_tf.training.teacher import cache_teacher

SIZE = 64


FLIP = (5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10)


def test_the_cache_is_found_again_and_made_anew_for_another_teacher(
    people, tiny_network, tmp_path, monkeypatch
):
    calls = []
    fill = teacher_cache._fill
    monkeypatch.setattr(
        teacher_cache, "_fill", lambda *given: (calls.append(given[3]), fill(*given))
    )
    teacher = tiny_network(num_joints=16)
    size = teacher.inputs[0].shape[1]
    first = cache_teacher(teacher, people, size, tmp_path)
    assert cache_teacher(teacher, people, size, tmp_path) == first
    assert calls == [list(range(len(people)))]
    first.path(2).unlink()
    cache_teacher(teacher, people, size, tmp_path)
    assert calls[1] == [2]
    mixed = with_precision(teacher, "mixed_bfloat16")
    assert cache_teacher(mixed, people, size, tmp_path) != first
    assert cache_teacher(teacher, people, size, tmp_path, mirror=False) != first
    teacher.set_weights([weight + 0.01 for weight in teacher.get_weights()])
    assert cache_teacher(teacher, people, size, tmp_path) != first
    wider = replace(people[0], box=people[0].box.scaled(1.1))
    moved = people.of([wider, *people[1:]])
    assert cache_teacher(teacher, moved, size, tmp_path) != first


def test_photographs_are_known_by_their_content(people, tiny_network, tmp_path):
    """By name, size and time alone, what was said of the last one would be kept."""
    teacher, keys = tiny_network(num_joints=16), []
    photograph = tmp_path / "a.png"
    content = people[0].image_path.read_bytes()
    for last, place in ((0, photograph), (1, photograph), (0, tmp_path / "copy.png")):
        place.write_bytes(content + bytes([last]))
        os.utime(place, ns=(0, 0))
        kept_predictions._digest_of.cache_clear()
        one = people.of([replace(people[0], image_path=place)])
        keys.append(teacher_cache._key(teacher, one, SIZE, True))
    first, other, copy = keys
    assert first == copy != other


@pytest.mark.parametrize("mirror", [True, False])
def test_the_mean_with_the_mirror_image_is_kept(people, tiny_network, tmp_path, mirror):
    teacher = tiny_network(num_joints=16)
    size = teacher.inputs[0].shape[1]
    cache = cache_teacher(teacher, people[:1], size, tmp_path, mirror=mirror)
    config = DataConfig(input_size=size, batch_size=1)
    images, _, _ = next(iter(make_dataset(people[:1], config)))
    predict = load_predictor(teacher)
    said = predict.heatmaps(images)
    if mirror:
        mirrored = predict.heatmaps(images[:, :, ::-1])[:, :, ::-1]
        said = (said + mirrored[..., FLIP]) / 2
    box = people[0].box
    kept, weights = cache.for_crop(0, box, box.matrix(size), mirrored=False)
    assert weights.tolist() == [1.0] * 16
    np.testing.assert_allclose(kept, np.clip(said[0], 0, 1), atol=1 / 400)


def test_a_full_disk_is_refused_before_writing(
    people, tiny_network, tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(teacher_cache.shutil, "disk_usage", lambda folder: usage)
    teacher = tiny_network(num_joints=16)
    with pytest.raises(InputError, match="free space"):
        cache_teacher(teacher, people, teacher.inputs[0].shape[1], tmp_path)
    assert not list(tmp_path.glob("*/*.png"))


def test_a_photograph_that_vanished_is_named(people, tiny_network, tmp_path):
    teacher = tiny_network(num_joints=16)
    gone = replace(people[1], image_path=tmp_path / "gone.png")
    size = teacher.inputs[0].shape[1]
    with pytest.raises(InputError, match="gone.png: expected a photograph. .*No such"):
        cache_teacher(teacher, people.of([people[0], gone]), size, tmp_path)


@pytest.mark.slow
def test_distilling_from_the_cache_runs_with_both_distances(
    people, tiny_network, tmp_path
):
    teacher = tiny_network(num_joints=16)
    config = TrainConfig(
        preset="hourglass_4x32",
        model={"num_stacks": 2, "num_features": 8, "depth": 1, "stem_width": 4},
        epochs=1,
        optimizer="adam",
        teacher_cache=True,
        data=DataConfig(input_size=teacher.inputs[0].shape[1], batch_size=4),
    )
    folder = distill(people, tmp_path / "run", teacher, config)
    assert (folder / "student.keras").is_file()
    assert len(list((tmp_path / "teacher-cache").glob("*/*.png"))) == len(people)
    other = replace(config, distillation_distance="cross_entropy")
    distill(people, tmp_path / "other", teacher, other)
    assert len(list((tmp_path / "teacher-cache").iterdir())) == 1
