"""MPII Human Pose: the common json form and the official release .mat to samples.

What both store: joints, objpos (center) and head box in 1-based pixels; scale = height
of the person / 200 px. What a Sample holds: 0-based pixels; the box is lowered by 15
px x scale and widened by 1.25, the crop that the published networks were trained on
(Newell et al., ECCV 2016, and the code bases after it).
"""

import json
import re
import reprlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fpd_tf.data.images import keep_good
from fpd_tf.data.mat_file import read_mat
from fpd_tf.data.people import Sample
from fpd_tf.errors import InputError
from fpd_tf.joints import MPII

SPLITS = ("train", "val", "test", "trainval", "all")
RELEASE_FILE = "mpii_human_pose_v1_u12_1.mat"
_RELEASE_FOLDERS = ("", "annot", "mpii_human_pose_v1_u12_2")
_TOMPSON_FILE = "detections.mat"
_HEAD_BOX_FILES = ("gt_valid.mat", "detections_our_format.mat")
_JSON_SPLITS = {
    "train": ("train",),
    "val": ("valid",),
    "test": ("test",),
    "trainval": ("train", "valid"),
}
_JSON_FILES = ("train", "valid", "test")
_TOMPSON_NAMES = ("RELEASE_img_index", "RELEASE_person_index")
_CORNERS = ("x1", "y1", "x2", "y2")
_LOWERED, _WIDENED = 15, 1.25
_HEAD_BIAS = 0.6
_FARTHEST = 1e5
_K = MPII.num_joints


def load_mpii(
    root: str | Path, split: str = "train", *, on_error: str = "raise"
) -> list[Sample]:
    """The people of one MPII split, 16 joints each, in the order of the file.

    Photographs lie in `root/images`. The annotations come from one of two forms:

    - the common json of the pose code bases, `root/annot/train.json`, `valid.json` (the
      2,958 validation people of Tompson et al., CVPR 2015) and, where there is one,
      `test.json`. It wins where both forms are there. A joint is missing where its
      `joints_vis` is 0 and no coordinate is above 0; the published files say 1 for
      every labelled joint, occluded or not (microsoft/human-pose-estimation.pytorch
      #7). Head boxes of `valid.json` come from `gt_valid.mat` or
      `detections_our_format.mat` beside it (`headboxes_src` of the same length), else
      from a record's own `head_box` [x1, y1, x2, y2], else the head size is None.
    - the official release, `mpii_human_pose_v1_u12_1.mat` in `root`, `root/annot` or
      `root/mpii_human_pose_v1_u12_2`. `trainval` and `test` are its `img_train` 1 and
      0; test people have no annotated joint. `val` is Tompson's list, `detections.mat`
      beside the release, in that list's order; `train` is everybody on the training
      photographs without anybody of that list. Rectangles that the release never
      described (no position or scale; no joints on a training photograph) are no people
      and are left out.

    Args:
        root: folder of the data set.
        split: "train", "val", "test", "trainval", "all" or "FIRST-LAST" image numbers,
            1-based and inclusive: places in the release's annolist, or in the json
            lists put one after another (train, valid, test).
        on_error: "raise" at the first bad person (no labelled joint, a coordinate that
            is not finite or beyond 100,000, scale not above 0, an image outside
            `root/images`), or "skip" such people and log how many.

    Returns:
        Samples whose `scale` x 200 px is the side of the square to crop; `visible` is
        the annotator's flag (True where the release has none: neck and head top).

    Raises:
        InputError: a file is missing, broken or of another form; a person is bad.

    Example:
        >>> import json, pathlib
        >>> import fpd_tf as fpd
        >>> person = {"image": "a.jpg", "joints": [[9, 9]] * 16, "joints_vis": [1] * 16}
        >>> people = [person | {"center": [9, 9], "scale": 1.0}]
        >>> pathlib.Path("annot").mkdir()
        >>> _ = pathlib.Path("annot/train.json").write_text(json.dumps(people))
        >>> fpd.load_mpii(".", "train")[0].joints[0]
        array([8., 8.], dtype=float32)
    """
    root = Path(root)
    releases = [root / folder / RELEASE_FILE for folder in _RELEASE_FOLDERS]
    release = next((path for path in releases if path.is_file()), None)
    if any(_json_path(root, name).is_file() for name in _JSON_FILES):
        people = _json_people(root, split)
    elif release:
        people = _release_people(root, release, split)
    else:
        wanted = f"annot/train.json and annot/valid.json, or {RELEASE_FILE}"
        raise InputError(root, "", wanted, "neither" if root.is_dir() else "no folder")
    if not people:
        raise InputError(root, f"split {split}", "at least one person", "none")
    return keep_good(people, on_error)


# ------------------------------------------------------------------ common json


def _json_path(root: Path, name: str) -> Path:
    return root / "annot" / f"{name}.json"


def _json_people(root: Path, split: str) -> list[Callable[[], Sample]]:
    names = _JSON_SPLITS.get(split) or [
        name for name in _JSON_FILES if _json_path(root, name).is_file()
    ]
    people = []
    for name in names:
        records = _read_list(_json_path(root, name))
        heads = _head_boxes(root / "annot", len(records)) if name == "valid" else None
        for at, record in enumerate(records):
            head = None if heads is None else heads[at]
            people.append(partial(_json_person, root, name, at, record, head))
    return people[within(split, len(people))]


def _read_list(path: Path) -> list:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, "", "a json list of people", _reason(error)) from error
    if not isinstance(content, list):
        raise InputError(path, "", "a json list of people", _describe(content))
    return content


def _head_boxes(annot: Path, count: int) -> np.ndarray | None:
    """(count, 2, 2) corners x, y, 1-based, or None where no file has that many."""
    for path in (annot / name for name in _HEAD_BOX_FILES):
        if path.is_file():
            boxes = np.atleast_3d(read_mat(path, "headboxes_src")["headboxes_src"])
            boxes = numbers(boxes, (2, 2, boxes.shape[2]), path, "headboxes_src")
            if boxes.shape[2] == count:
                return boxes.transpose(2, 0, 1)
    return None


def _json_person(
    root: Path, name: str, at: int, record: dict, head_box: np.ndarray | None
) -> Sample:
    source, field = _json_path(root, name), f"[{at}]"
    if not isinstance(record, dict):
        raise InputError(source, field, "an object", _describe(record))

    def read(key: str, shape: tuple[int, ...]) -> np.ndarray:
        return numbers(record.get(key), shape, source, f"{field}.{key}")

    joints, flags = np.zeros((_K, 2)), np.zeros(_K, bool)
    if name != "test" or "joints" in record:
        joints, flags = read("joints", (_K, 2)), read("joints_vis", (_K,)) > 0
    annotated = flags | (joints > 0).any(axis=1)
    if name != "test" and not annotated.any():
        raise InputError(source, f"{field}.joints", "a labelled joint", "none")
    if head_box is None and record.get("head_box") is not None:
        head_box = read("head_box", (4,)).reshape(2, 2)
    return _sample(
        _image_path(root, record.get("image"), source, field),
        (joints, annotated, flags & annotated),
        read("center", (2,)),
        read("scale", ()),
        head_box,
        source,
        field,
    )


# ------------------------------------------------------------------ official release


def _release_people(root: Path, path: Path, split: str) -> list[Callable[[], Sample]]:
    release = read_mat(path, "RELEASE")["RELEASE"]
    if not isinstance(release, dict) or not {"annolist", "img_train"} <= set(release):
        wanted = "a struct with annolist and img_train"
        raise InputError(path, "RELEASE", wanted, _describe(release))
    images = _structs(release["annolist"])
    if not images:
        wanted = "a struct array of images"
        received = _describe(release["annolist"])
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
    path = _image_path(root, name, source, field)
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
        >>> from fpd_tf.data.mpii import parse_annorect
        >>> rect = {"objpos": {"x": 11, "y": 1}, "scale": 2.0}
        >>> parse_annorect(rect, Path("a.jpg")).center
        array([10., 30.], dtype=float32)
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
    return _sample(
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


# ------------------------------------------------------------------ both forms


def _image_path(root: Path, name: object, source: Path, field: str) -> Path:
    parts = Path(name).parts if isinstance(name, str) else ()
    if not parts or ".." in parts or Path(name).is_absolute() or "\0" in name:
        wanted = "the name of a file under images/"
        raise InputError(source, f"{field}.image", wanted, _describe(name))
    return root / "images" / name


def _sample(
    image_path: Path,
    labels: tuple[np.ndarray, np.ndarray, np.ndarray],
    center: np.ndarray,
    scale: float,
    head_box: np.ndarray | None,
    source: str | Path,
    field: str,
) -> Sample:
    """What a file says (joints, annotated, visible; 1-based) as a 0-based Sample."""
    joints, annotated, visible = labels
    check_near(joints[annotated], source, f"{field}.joints")
    check_near(center, source, f"{field}.center")
    if not 1 / 200 <= scale <= _FARTHEST / 200:
        where = f"{field}.scale"
        raise InputError(source, where, "a number above 0 (x 200 px)", scale)
    head_size = None
    if head_box is not None:
        check_near(head_box, source, f"{field}.head box")
        head_size = _HEAD_BIAS * float(np.hypot(*(head_box[1] - head_box[0])))
        if not head_size:
            where = f"{field}.head box"
            raise InputError(source, where, "a diagonal above 0", head_size)
    return Sample(
        image_path=image_path,
        joints=np.where(annotated[:, None], joints - 1, 0).astype(np.float32),
        annotated=annotated,
        visible=visible,
        center=(center + [0, _LOWERED * scale] - 1).astype(np.float32),
        scale=float(scale) * _WIDENED,
        head_size=head_size,
    )


# ------------------------------------------------------------------ files from outside


def within(split: str, count: int) -> slice:
    """The part of `count` images that a split "FIRST-LAST" means; all for a name."""
    if split in SPLITS:
        return slice(None)
    match = re.fullmatch("([0-9]{1,9})-([0-9]{1,9})", str(split))
    if not match:
        wanted = f"{', '.join(SPLITS)} or FIRST-LAST image numbers"
        raise InputError("split", "", wanted, _describe(split))
    first, last = map(int, match.groups())
    if not 1 <= first <= last <= count:
        raise InputError("split", "", f"image numbers within 1-{count}", split)
    return slice(first - 1, last)


def numbers(
    value: object, shape: tuple[int, ...], source: str | Path, field: str
) -> np.ndarray:
    """`value` as float64 of exactly `shape`; anything else is an InputError."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "buif" or array.shape != shape:
        wanted = f"numbers of shape {shape}" if shape else "a number"
        raise InputError(source, field, wanted, _describe(value))
    return array.astype(np.float64)


def check_near(values: np.ndarray, source: str | Path, field: str) -> None:
    """Coordinates that are not finite or absurdly far out are an InputError."""
    outside = values[~(np.abs(values) <= _FARTHEST)]
    if outside.size:
        wanted = f"pixels within {_FARTHEST:,.0f} of the corner"
        raise InputError(source, field, wanted, float(outside[0]))


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.dtype} of shape {value.shape}"
    return " ".join(reprlib.repr(value).split())


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return text or type(error).__name__
