"""Teacher heatmaps of every person, computed once, before training.

They are the mean over the upright crop and its mirror image, which is more accurate
than one of them; training warps them with the photograph's own augmentation.
"""

import json
import shutil
from pathlib import Path

import keras
from rich.console import Console

from fpd_tf.data.people import People
from fpd_tf.data.pipeline import DataConfig, broken_files_named, make_dataset
from fpd_tf.data.teacher_heatmaps import TeacherHeatmaps
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import fitting_predictor
from fpd_tf.files import make_folder
from fpd_tf.predictors.views import with_flip
from fpd_tf.progress import tracked
from fpd_tf.training.digests import digest_with_weights
from fpd_tf.training.kept_predictions import person_key

TYPICAL_BYTES = 0.1


def cache_teacher(
    teacher: keras.Model,
    people: People,
    input_size: int,
    folder: str | Path,
    *,
    mirror: bool = True,
) -> TeacherHeatmaps:
    """Computes a teacher's heatmaps of every person, or reads them from the cache.

    The name of the subfolder is a hash of the teacher's weights, its precision, and the
    content of the photographs and the boxes. An interrupted computation is continued.

    Args:
        teacher: trained network.
        people: in the order of training.
        input_size: S of teacher and student.
        folder: of all caches; created if missing.
        mirror: whether to average with the mirror image, if training mirrors.

    Raises:
        InputError: the disk has less room than the cache is likely to need, or a
            photograph broke or vanished.
    """
    predict = fitting_predictor(teacher, people)
    key = _key(teacher, people, input_size, mirror)
    flip_order = tuple(people.joint_set.flip_order.tolist())
    cache = TeacherHeatmaps(Path(folder) / key, predict.codec, flip_order)
    make_folder(cache.folder)
    missing = cache.missing(len(people))
    if missing:
        _check_room(cache, len(missing))
        left = people.of(people[index] for index in missing)
        seen = with_flip(predict) if mirror else predict
        _fill(cache, seen, left, missing, input_size)
    return cache


def _key(teacher, people, input_size, mirror):
    """16 hexadecimal digits that change with any weight, format, picture or box."""
    formats = sorted({layer.compute_dtype for layer in teacher.layers})
    about = teacher.name, input_size, formats, mirror
    digest = digest_with_weights(teacher, json.dumps(about))
    for person in people:
        digest.update(person_key(person).encode())
    return digest.hexdigest()[:16]


def _check_room(cache, count):
    """Logs the expected size; PNG stores about a tenth of the bytes."""
    whole = len(cache.flip_order) * cache.codec.size**2 * count
    likely, free = TYPICAL_BYTES * whole, shutil.disk_usage(cache.folder).free
    megabytes = f"about {likely / 1e6:.0f} MB, at most {whole / 1e6:.0f} MB"
    Console(stderr=True).print(f"teacher cache: {count} people, {megabytes}")
    if free < likely:
        received = f"{free / 1e6:.0f} MB"
        raise InputError(cache.folder, "free space", megabytes, received)


def _fill(cache, predict, people, indices, input_size):
    config = DataConfig(input_size=input_size, batch_size=32)
    batches = make_dataset(people, config).as_numpy_iterator()
    places = iter(indices)
    steps = -(-len(people) // config.batch_size)
    with broken_files_named():
        for images, _, _ in tracked(batches, "caching the teacher", steps):
            for heatmaps in predict.heatmaps(images):
                cache.write(next(places), heatmaps)
