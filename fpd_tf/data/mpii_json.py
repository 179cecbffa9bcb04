"""MPII in the common json form of the pose code bases."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fpd_tf.data.checks import described, numbers, within
from fpd_tf.data.mat_file import read_mat
from fpd_tf.data.mpii_person import image_path, mpii_person
from fpd_tf.data.people import Sample
from fpd_tf.errors import InputError
from fpd_tf.files import read_json
from fpd_tf.joints import MPII

logger = logging.getLogger("fpd_tf")

JSON_FILES = ("train", "valid", "test")
_HEAD_BOX_FILES = ("gt_valid.mat", "detections_our_format.mat")
_JSON_SPLITS = {
    "train": ("train",),
    "val": ("valid",),
    "test": ("test",),
    "trainval": ("train", "valid"),
}
_K = MPII.num_joints


def json_path(root: Path, name: str) -> Path:
    """The file of a part: one of `JSON_FILES`."""
    return root / "annot" / f"{name}.json"


def json_people(root: Path, split: str) -> list[Callable[[], Sample]]:
    """A function for each person of a split, which raises InputError for a bad one.

    Raises:
        InputError: a file is missing, or no list of people; no such split.
    """
    names = _JSON_SPLITS.get(split) or [
        name for name in JSON_FILES if json_path(root, name).is_file()
    ]
    people = []
    for name in names:
        records = _read_list(json_path(root, name))
        heads = _head_boxes(root / "annot", len(records)) if name == "valid" else None
        for at, record in enumerate(records):
            head = None if heads is None else heads[at]
            people.append(partial(_json_person, root, name, at, record, head))
    return people[within(split, len(people))]


def _read_list(path: Path) -> list:
    expected = "a json list of people"
    content = read_json(path, expected)
    if not isinstance(content, list):
        raise InputError(path, "", expected, described(content))
    return content


def _head_boxes(annot: Path, count: int) -> np.ndarray | None:
    """(count, 2, 2) corners x, y, 1-based, or None where no file has that many."""
    for path in (annot / name for name in _HEAD_BOX_FILES):
        if path.is_file():
            boxes = np.atleast_3d(read_mat(path, "headboxes_src")["headboxes_src"])
            boxes = numbers(boxes, (2, 2, boxes.shape[2]), path, "headboxes_src")
            if boxes.shape[2] == count:
                return boxes.transpose(2, 0, 1)
            logger.warning(
                "%s: not used, it has the head boxes of %d people; valid.json has %d",
                *(path, boxes.shape[2], count),
            )
    return None


def _json_person(
    root: Path, name: str, at: int, record: dict, head_box: np.ndarray | None
) -> Sample:
    source, field = json_path(root, name), f"[{at}]"
    if not isinstance(record, dict):
        raise InputError(source, field, "an object", described(record))

    def read(key: str, shape: tuple[int, ...]) -> np.ndarray:
        return numbers(record.get(key), shape, source, f"{field}.{key}")

    joints, flags = np.zeros((_K, 2)), np.zeros(_K, bool)
    if name != "test" or "joints" in record:
        joints, flags = read("joints", (_K, 2)), read("joints_vis", (_K,)) > 0
    annotated = flags | (joints > 0).any(axis=1)
    if name != "test" and not annotated.any():
        raise InputError.plain(source, f"{field}.joints", "none is labelled")
    if head_box is None and record.get("head_box") is not None:
        head_box = read("head_box", (4,)).reshape(2, 2)
    return mpii_person(
        image_path(root, record.get("image"), source, field),
        (joints, annotated, flags & annotated),
        read("center", (2,)),
        read("scale", ()),
        head_box,
        source,
        field,
    )
