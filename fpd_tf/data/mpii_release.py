"""MPII in the official release, one MATLAB file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fpd_tf.data.checks import described, numbers, within
from fpd_tf.data.mat_file import read_mat
from fpd_tf.data.mpii_person import image_path, mpii_person
from fpd_tf.data.people import Sample
from fpd_tf.errors import InputError
from fpd_tf.joints import MPII

RELEASE_FILE = "mpii_human_pose_v1_u12_1.mat"
RELEASE_FOLDERS = ("", "annot", "mpii_human_pose_v1_u12_2")
_TOMPSON_FILE = "detections.mat"
_TOMPSON_NAMES = ("RELEASE_img_index", "RELEASE_person_index")
_CORNERS = ("x1", "y1", "x2", "y2")
_K = MPII.num_joints


def release_people(root: Path, path: Path, split: str) -> list[Callable[[], Sample]]:
    """A function for each person of a split, which raises InputError for a bad one.

    Args:
        root: folder of `images`.
        path: the release.
        split: as for `load_mpii`.

    Raises:
        InputError: a file is missing or of another form; no such split.
    """
    release = read_mat(path, "RELEASE")["RELEASE"]
    if not isinstance(release, dict) or not {"annolist", "img_train"} <= set(release):
        wanted = "a struct with annolist and img_train"
        raise InputError(path, "RELEASE", wanted, described(release))
    images = _structs(release["annolist"])
    if not images:
        wanted = "a struct array of images"
        received = described(release["annolist"])
        raise InputError(path, "RELEASE.annolist", wanted, received)
    training = np.atleast_1d(release["img_train"])
    training = numbers(training, (len(images),), path, "RELEASE.img_train") == 1
    if split == "val":
        pairs = _validation_pairs(path, images)
    else:
        pairs = [
            (i, j)
            for i in range(len(images))[within(split, len(images))]
            for j, rect in enumerate(_rects(images[i]))
            if _given(rect, "objpos") and _given(rect, "scale")
            if _points(rect) or not training[i]
        ]
    if split in ("train", "trainval", "test"):
        pairs = [(i, j) for i, j in pairs if training[i] == (split != "test")]
    if split == "train":
        held_out = {i for i, _ in _validation_pairs(path, images)}
        pairs = [(i, j) for i, j in pairs if i not in held_out]
    return [partial(_release_person, root, path, images[i], i, j) for i, j in pairs]


def _validation_pairs(release: Path, images: list[dict]) -> list[tuple[int, int]]:
    """0-based (image, rectangle) of the validation people, in the list's order."""
    path, names = release.parent / _TOMPSON_FILE, _TOMPSON_NAMES
    if not path.is_file():
        wanted = (
            f"Tompson's list of validation people ({', '.join(names)}), which tells "
            "val from train (without it use the split trainval)"
        )
        raise InputError(path, "", wanted, "no such file")
    content = read_mat(path, *names)
    count = np.size(content[names[0]])
    columns = [numbers(np.atleast_1d(content[n]), (count,), path, n) for n in names]
    pairs = []
    for i, j in zip(*columns, strict=True):
        rects = _rects(images[int(i) - 1]) if 1 <= i <= len(images) else []
        if not 1 <= j <= len(rects):
            wanted = f"image and rectangle numbers of {release.name}"
            raise InputError(path, ", ".join(names), wanted, f"{i:g}, {j:g}")
        pairs.append((int(i) - 1, int(j) - 1))
    return pairs


def _release_person(root: Path, source: Path, image: dict, i: int, j: int) -> Sample:
    field = f"annolist({i + 1}).annorect({j + 1})"
    name = image["image"].get("name") if isinstance(image.get("image"), dict) else None
    path = image_path(root, name, source, field)
    return parse_annorect(_rects(image)[j], path, source, field)


def parse_annorect(
    rect: dict,
    image_path: Path,
    source: str | Path = "RELEASE",
    field: str = "annorect",
) -> Sample:
    """One person of the release, from its `annorect` struct as a dict.

    Irregular forms are taken as they come: no annopoints (no joint is annotated), one
    point that is no list, is_visible a number, a string or empty, no head box.

    Args:
        rect: the struct.
        image_path: its photograph.
        source, field: what an error names.

    Raises:
        InputError: a value is missing, of another form, not finite or absurd.

    Example:
        >>> from pathlib import Path
        >>> from fpd_tf.data.mpii_release import parse_annorect
        >>> rect = {"objpos": {"x": 11, "y": 1}, "scale": 2.0}
        >>> parse_annorect(rect, Path("a.jpg")).box
        Box(x=10.0, y=30.0, side=500.0)
    """

    def read(name: str, struct: object, *keys: str) -> np.ndarray:
        values = [struct.get(key) if isinstance(struct, dict) else None for key in keys]
        where = f"{field}.{name} ({', '.join(keys)})"
        return numbers(values, (len(keys),), source, where)

    joints = np.zeros((_K, 2))
    annotated, visible = np.zeros((2, _K), bool)
    for point in _points(rect):
        joint, x, y = read("annopoints.point", point, "id", "x", "y")
        if joint not in range(_K):
            where = f"{field}.annopoints.point.id"
            raise InputError(source, where, f"0 to {_K - 1}", joint)
        at = int(joint)
        joints[at], annotated[at] = (x, y), True
        visible[at] = str(point.get("is_visible")) not in ("0", "0.0")
    head_box = None
    if all(_given(rect, corner) for corner in _CORNERS):
        head_box = read("head box", rect, *_CORNERS).reshape(2, 2)
    return mpii_person(
        image_path,
        (joints, annotated, visible),
        read("objpos", rect.get("objpos"), "x", "y"),
        numbers(rect.get("scale"), (), source, f"{field}.scale"),
        head_box,
        source,
        field,
    )


def _structs(value: object) -> list[dict]:
    """A struct array of none, one or many as a list."""
    items = [value] if isinstance(value, dict) else value
    is_array = isinstance(items, list) and all(isinstance(item, dict) for item in items)
    return items if is_array else []


def _rects(image: dict) -> list[dict]:
    return _structs(image.get("annorect"))


def _points(rect: dict) -> list[dict]:
    annopoints = rect.get("annopoints")
    return _structs(annopoints.get("point")) if isinstance(annopoints, dict) else []


def _given(rect: dict, name: str) -> bool:
    return str(rect.get(name)) not in ("None", "", "[]")
