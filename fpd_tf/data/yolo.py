"""People of Ultralytics' YOLO-pose folders: a yaml, photographs, one txt for each.

K joints; pixels (x, y) with centres at whole numbers.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from fpd_tf.data.checks import check_near, described, keep_good
from fpd_tf.data.coco import AREA_OF_BOX, WIDENED
from fpd_tf.data.coco_joints import known_joint_set, named_joint_set
from fpd_tf.data.held_out import part_of
from fpd_tf.data.images import SUFFIXES, upright_size
from fpd_tf.data.joints_file import read_joints_file
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError, reason_of
from fpd_tf.geometry import Box
from fpd_tf.joints import COCO, JointSet, numbered_joints

logger = logging.getLogger("fpd_tf")

_SPLITS = ("train", "val", "test")


def load_yolo(
    root: str | Path,
    split: str = "train",
    *,
    category: str | None = None,
    joints: str | Path | None = None,
    validation: str | None = None,
    on_error: str = "raise",
) -> People:
    """People of a YOLO-pose folder, with the joints that its yaml names.

    A photograph `images/.../a.jpg` has its people in `labels/.../a.txt`, one a line:
    class, box centre and size, then x y or x y v of each joint, relative to the width
    and height of the photograph. x times the width is COCO's x, as in Ultralytics' own
    converter, so it is the pixel here (`load_coco`). A joint with v = 0, or at 0 0, or
    below 0, has no label. Names come from `kpt_names`; without them 17 joints with
    COCO's `flip_idx` are COCO's, and others are `joint_0` and so on.

    A photograph without a txt is background, with nobody on it. A log line counts
    these, photographs that are listed again, and people without a labelled joint.

    Args:
        root: the yaml, or a folder with one.
        split: "train", "val" or "test", as the yaml has it.
        category: the class to take, by its name; all where None.
        joints: JSON file as for `load_coco`.
        validation: share of the photographs to hold out, as for `load_coco`.
        on_error: "raise" at the first bad person, or "skip" them and log how many.

    Returns:
        People, scored by OKS AP; the box is 1.25 times as wide as the file's.

    Raises:
        InputError: no yaml or one of another form, no txt at all, classes of other
            joints, or a person is bad.
    """
    path = _yaml_in(Path(root))
    content = _read(path)
    classes = _classes(path, content, category)
    joints = Path(joints) if joints else None
    joint_set, width = _joints(path, content, classes, joints)
    listed = _photographs(path, content, "train" if validation else split)
    photographs = list(dict.fromkeys(listed))
    background = list(filter(_is_background, photographs))
    if len(background) == len(photographs):
        expected = f"a txt for photographs, such as {_labels_of(photographs[0])}"
        raise InputError(path, split, expected, f"none for {len(photographs)}")
    about = classes, joint_set, width
    jobs = [job for each in photographs for job in _people(each, *about)]
    kept = keep_good(jobs, on_error)
    found = [person for person in kept if person]
    if not found:
        raise InputError.plain(path, split, "no person has a labelled joint")
    left_out = {
        "people without a labelled joint": len(kept) - len(found),
        "photographs without a txt": len(background),
        "photographs listed again": len(listed) - len(photographs),
    }
    if any(left_out.values()):
        said = ", ".join(f"{count} {what}" for what, count in left_out.items() if count)
        logger.warning("%s: %d people; left out: %s", path, len(found), said)
    people = People(found, joint_set, "oks", source="yolo")
    return part_of(people, split, validation) if validation else people


def _is_background(photograph):
    return photograph.is_file() and not _labels_of(photograph).is_file()


def _people(photograph, classes, joint_set, width) -> list[Callable]:
    """A function for each line of a photograph's txt; a missing photograph has one."""
    labels = _labels_of(photograph)
    if not labels.is_file():
        return [] if photograph.is_file() else [partial(upright_size, photograph)]
    return [
        partial(_person, photograph, labels, number, line, joint_set, width)
        for number, line in enumerate(_lines(labels), 1)
        if classes is None or _class_of(line) in classes
    ]


def _yaml_in(root):
    if root.suffix in (".yaml", ".yml"):
        return root
    found = sorted([*root.glob("*.yaml"), *root.glob("*.yml")])
    if len(found) != 1:
        received = ", ".join(path.name for path in found) or "none"
        raise InputError(root, "", "one yaml with kpt_shape, or its own path", received)
    return found[0]


def _read(path):
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise InputError(path, "", "a YOLO-pose yaml", reason_of(error)) from error
    shape = content.get("kpt_shape") if isinstance(content, dict) else None
    fits = isinstance(shape, list) and len(shape) == 2
    if (
        not fits
        or not isinstance(shape[0], int)
        or shape[0] < 1
        or shape[1] not in (2, 3)
    ):
        expected = "[joints, 2 or 3], as YOLO-pose has it"
        raise InputError(path, "kpt_shape", expected, described(shape))
    return content


def _joints(path, content, classes, joints_file) -> tuple[JointSet, int]:
    """The joint set, and how many numbers a joint has."""
    count, width = content["kpt_shape"]
    order = content.get("flip_idx") or list(range(count))
    every = list(range(count))
    if not isinstance(order, list) or sorted(map(repr, order)) != sorted(
        map(repr, every)
    ):
        expected = f"each of 0 to {count - 1} once"
        raise InputError(path, "flip_idx", expected, described(order))
    if any(order[order[at]] != at for at in range(count)):
        raise InputError(path, "flip_idx", "pairs that swap", described(order))
    names = _names(path, content, classes, order)
    fields = read_joints_file(joints_file, names) if joints_file else {}
    names = fields.pop("joints", names)
    known = known_joint_set(names)
    if known and not fields:
        return known, width
    if "flip_idx" in content:
        pairs = tuple((at, order[at]) for at in range(count) if order[at] < at)
        fields = {"flip_pairs": pairs} | fields
    return named_joint_set("yolo", names, fields, path), width


def _names(path, content, classes, order):
    given, count = content.get("kpt_names"), len(order)
    if isinstance(given, dict) and given:
        given = _names_of_classes(path, given, classes)
    if given is None:
        if count == COCO.num_joints and order == COCO.flip_order.tolist():
            return COCO.joints
        return numbered_joints(count).joints
    if not isinstance(given, list) or len(given) != count:
        raise InputError(path, "kpt_names", f"{count} names", described(given))
    return tuple(map(str, given))


def _names_of_classes(path, by_class, classes):
    """The joint names that the chosen classes share."""
    numbers = classes and {f"{number:g}" for number in classes if number is not None}
    chosen = [
        names
        for number, names in by_class.items()
        if classes is None or str(number) in numbers
    ]
    if any(names != chosen[0] for names in chosen):
        expected = "the same names for all classes, or --category NAME"
        raise InputError(path, "kpt_names", expected, described(by_class))
    return chosen[0] if chosen else None


def _classes(path, content, category):
    """Class numbers to take, and None for a line without one; None takes all."""
    if category is None:
        return None
    names = content.get("names") or {}
    names = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(names, dict) or not all(str(each).isdigit() for each in names):
        raise InputError(path, "names", "names by number, or a list", described(names))
    found = {float(number) for number, name in names.items() if name == category}
    if not found:
        expected = f"one of {', '.join(map(str, names.values()))}"
        raise InputError(path, "category", expected, category)
    return {*found, None}


def _class_of(line):
    """The number that a line begins with; None where it is none, which is refused."""
    try:
        return float(line.split()[0])
    except ValueError:
        return None


def _photographs(path, content, split):
    """The photographs of a split: of a folder, a list in a txt, or several of these."""
    if split not in _SPLITS or not content.get(split):
        there = [name for name in _SPLITS if content.get(name)]
        raise InputError(path, "split", f"one of {', '.join(there)}", split)
    base = path.parent / str(content.get("path") or "")
    base = base if base.is_dir() else path.parent
    places = content[split] if isinstance(content[split], list) else [content[split]]
    found = []
    for place in places:
        at = base / str(place)
        if at.suffix == ".txt" and at.is_file():
            found += [
                (at.parent if line.startswith("./") else base) / line.strip()
                for line in _lines(at)
            ]
        else:
            files = at.rglob("*")
            found += sorted(file for file in files if file.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(path, split, "a folder of photographs", f"none in {places[0]}")
    return found


def _labels_of(photograph):
    """images/a.jpg -> labels/a.txt, the last folder of that name."""
    parts = list(photograph.parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        parts[last] = "labels"
    return Path(*parts).with_suffix(".txt")


def _lines(path):
    """The lines of a txt that are not empty."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line for line in lines if line.strip()]


def _person(photograph, labels, number, line, joint_set, width) -> Sample | None:
    """A line as a Sample, None where no joint has a label."""
    count, where = joint_set.num_joints, f"line {number}"
    try:
        values = np.array([float(word) for word in line.split()])
    except ValueError:
        raise InputError(labels, where, "numbers", line[:40]) from None
    if len(values) != 5 + width * count:
        expected = f"{5 + width * count} numbers: class, box, {count} joints of {width}"
        raise InputError(labels, where, expected, len(values))
    size = np.array(upright_size(photograph), float)
    check_near(values, labels, where)
    if not ((values[1:3] >= 0) & (values[1:3] <= 1)).all():
        expected = "the centre of a box in parts of the photograph, 0 to 1"
        raise InputError(labels, where, expected, values[1:3].tolist())
    center, extent = values[1:3] * size, values[3:5] * size
    if not (extent > 0).all():
        raise InputError(labels, where, "a box above 0", values[3:5].tolist())
    points = values[5:].reshape(count, width)
    flags = points[:, 2] if width == 3 else np.full(count, 2.0)
    annotated = (flags > 0) & (points[:, :2] >= 0).all(axis=1)
    annotated &= (points[:, :2] > 0).any(axis=1)
    if not annotated.any():
        return None
    box = Box.around((*(center - extent / 2), *extent)).scaled(WIDENED)
    return Sample(
        image_path=photograph,
        joints=np.where(annotated[:, None], points[:, :2] * size, 0).astype(np.float32),
        annotated=annotated,
        visible=annotated & (flags == 2),
        box=box,
        area=AREA_OF_BOX * float(extent.prod()),
    )
