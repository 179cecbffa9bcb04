"""People of COCO keypoints json, as published or as annotation tools export it.

K joints; pixels (x, y) with centres at whole numbers.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fpd_tf.data.checks import check_near, check_pixels, described, keep_good, numbers
from fpd_tf.data.coco_folder import files_of_split, folders_beside
from fpd_tf.data.coco_joints import categories_of, joint_set_of
from fpd_tf.data.coco_json import CocoFile, read_coco
from fpd_tf.data.held_out import part_of
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import JOINTS_MARGIN, Box

logger = logging.getLogger("fpd_tf")

WIDENED = 1.25
AREA_OF_BOX = 0.53
_THINNEST = 1 / 3
_FLAGS, _CROWD_FLAGS = (0, 1, 2), (0, 1, None)


def load_coco(
    root: str | Path | None = None,
    split: str = "train",
    *,
    annotations: str | Path | None = None,
    images: str | Path | None = None,
    category: str | None = None,
    joints: str | Path | None = None,
    validation: str | None = None,
    on_error: str = "raise",
) -> People:
    """People of COCO keypoints json, with the joints that its categories name.

    COCO's keypoints count pixels from 0, and a whole number is the centre of a pixel,
    as everywhere in this package (detectron2 adds 0.5 to them for the same reason), so
    they are taken as they are. Its boxes are measured along the edges of pixels: the
    centre of [x, y, width, height] is pixel (x + (width - 1) / 2, ...). A tool that
    writes joints as distances from the corner of the photograph is half a pixel off.

    People are the annotations that are no crowd and have a labelled joint (v = 1,
    occluded, or 2, visible); a log line counts the others. The crop is the square
    around the longer side of `bbox`, 1.25 times as wide; where that is missing or
    empty, around the labelled joints, 1.3 times as wide, at least 60 px. `area` is the
    file's, else 0.53 of that of `bbox`, as in xtcocoapi (CrowdPose's and mmpose's
    evaluator) and Ultralytics: 65 people of COCO cover 0.54 of theirs (median; half of
    them 0.44 to 0.62). Without a box it is `area_of_joints`.

    Args:
        root: folder with `annotations/person_keypoints_{train,val}2017.json` and
            `train2017/`, `val2017/`, or as CVAT, Label Studio or Roboflow export it.
        split: "train", "val", "test", "trainval" or "all", as the files are named.
        annotations: one json, in place of `root`: its people are "train" and "all".
        images: folder of its photographs; looked for beside it where None.
        category: name of the one to take; all with keypoints where None.
        joints: JSON file with flip pairs, limbs, score groups or sigmas that do not
            follow from the names (`data.joints_file`).
        validation: share of the photographs, such as "10%", that "val" is and "train"
            is not, of the json or of `root`'s train split; which ones follows from
            their names alone.
        on_error: "raise" at the first bad person, or "skip" them and log how many.

    Returns:
        People, scored by OKS AP.

    Raises:
        InputError: a file or photograph is missing or of another kind, categories have
            different joints, or a person is bad: an unknown or doubled id, keypoints of
            another length, numbers that are not finite, flags other than 0, 1 and 2.

    Example:
        >>> import json, pathlib
        >>> import fpd_tf as fpd
        >>> from PIL import Image
        >>> Image.new("RGB", (64, 64)).save("a.jpg")
        >>> names = {"id": 1, "name": "bar", "keypoints": ["left_end", "right_end"]}
        >>> bar = {"id": 5, "image_id": 7, "category_id": 1, "bbox": [10, 20, 40, 20]}
        >>> bar["keypoints"] = [12, 30, 2, 48, 30, 1]
        >>> content = {"images": [{"id": 7, "file_name": "a.jpg"}]}
        >>> content |= {"annotations": [bar], "categories": [names]}
        >>> _ = pathlib.Path("bars.json").write_text(json.dumps(content))
        >>> people = fpd.load_coco(annotations="bars.json")
        >>> people.joint_set.flip_pairs, people[0].box
        (((1, 0),), Box(x=29.5, y=29.5, side=50.0))
    """
    if (root is None) == (annotations is None):
        received = "neither" if root is None else "both"
        raise InputError("coco", "", "a root folder or an annotations file", received)
    files = _files(root, annotations, images, "train" if validation else split)
    read = [read_coco(path, folders) for path, folders in files]
    chosen = [categories_of(file, category) for file in read]
    joints = Path(joints) if joints is not None else None
    joint_set = joint_set_of(read[0], chosen[0][0], joints)
    for file, categories in zip(read[1:], chosen[1:], strict=True):
        if categories[0]["keypoints"] != chosen[0][0]["keypoints"]:
            expected = f"the joints of {read[0].path.name}"
            received = ", ".join(categories[0]["keypoints"])
            raise InputError(file.path, "categories", expected, received)
    jobs = [
        job
        for file, categories in zip(read, chosen, strict=True)
        for job in _people(
            file, {str(each.get("id")) for each in categories}, joint_set
        )
    ]
    people = People(keep_good(jobs, on_error), joint_set, "oks", source="coco")
    return part_of(people, split, validation) if validation else people


def _files(root, annotations, images, split):
    if annotations is None:
        found = files_of_split(Path(root), split)
        return [(path, (Path(images),) if images else at) for path, at in found]
    if split not in ("train", "all"):
        expected = "train or all of one json, or --validation 10%"
        raise InputError(annotations, "split", expected, split)
    path = Path(annotations)
    return [(path, (Path(images),) if images else folders_beside(path))]


def _people(file: CocoFile, categories: set, joint_set) -> list[Callable[[], Sample]]:
    """A function for each annotation that is a person; a log line counts the others."""
    photographs, sizes, seen, jobs = file.photographs(), file.sizes(), set(), []
    known = {str(each.get("id")) for each in file.categories}
    crowds = unlabelled = 0
    for at, annotation in enumerate(file.annotations):
        where = file.path, f"annotations[{at}]"
        category, crowd = annotation.get("category_id"), annotation.get("iscrowd")
        if str(category) not in known:
            jobs.append(
                _refused(where, "category_id", "the id of a category", category)
            )
        elif str(category) not in categories:
            continue
        elif crowd not in _CROWD_FLAGS:
            jobs.append(_refused(where, "iscrowd", "0 or 1", crowd))
        elif crowd:
            crowds += 1
        elif not _has_label(annotation.get("keypoints")):
            unlabelled += 1
        else:
            about = annotation, photographs, sizes, seen, joint_set
            jobs.append(partial(_person, *where, *about))
    if not jobs:
        sentence = "no person has a labelled joint (crowds are left out)"
        raise InputError.plain(file.path, "annotations", sentence)
    if crowds or unlabelled:
        logger.warning(
            "%s: %d people; left out: crowds %d, without a labelled joint %d",
            *(file.path, len(jobs), crowds, unlabelled),
        )
    return jobs


def _refused(where, field, expected, received):
    """A function that raises what is wrong with an annotation."""

    def refuse():
        path, record = where
        raise InputError(path, f"{record}.{field}", expected, described(received))

    return refuse


def _has_label(keypoints):
    """Broken values count as a label, so that reading them raises an error."""
    if not isinstance(keypoints, list) or len(keypoints) % 3:
        return keypoints is not None
    return any(flag != 0 for flag in keypoints[2::3])


def _person(path, field, annotation, photographs, sizes, seen, joint_set):
    key = annotation.get("id")
    if key is not None and str(key) in seen:
        raise InputError.plain(path, f"{field}.id", f"{key} is used twice")
    seen.add(str(key))
    photograph = photographs.get(str(annotation.get("image_id")))
    if photograph is None:
        received = described(annotation.get("image_id"))
        raise InputError(path, f"{field}.image_id", "the id of an image", received)
    if isinstance(photograph, InputError):
        raise photograph
    joints, flags = _keypoints(path, field, annotation, joint_set)
    annotated = flags > 0
    labelled = joints[annotated]
    box, extent = _box(path, field, annotation, labelled)
    return Sample(
        image_path=photograph,
        joints=np.where(annotated[:, None], joints, 0).astype(np.float32),
        annotated=annotated,
        visible=flags == 2,
        box=box,
        area=_area(path, field, annotation, extent, labelled),
        image_size=sizes.get(str(annotation.get("image_id"))),
    )


def _keypoints(path, field, annotation, joint_set):
    count, values = joint_set.num_joints, annotation["keypoints"]
    if not isinstance(values, list) or len(values) != 3 * count:
        expected = f"{3 * count} numbers, x y v of {count} joints"
        received = len(values) if isinstance(values, list) else described(values)
        raise InputError(path, f"{field}.keypoints", expected, received)
    values = numbers(values, (3 * count,), path, f"{field}.keypoints").reshape(-1, 3)
    flags = values[:, 2]
    if not np.isin(flags, _FLAGS).all():
        received = flags[~np.isin(flags, _FLAGS)][0]
        raise InputError(path, f"{field}.keypoints", "flags 0, 1 or 2", received)
    labelled = values[flags > 0, :2]
    check_near(labelled, path, f"{field}.keypoints")
    check_pixels(labelled, path, f"{field}.keypoints")
    return values[:, :2], flags


def _box(path, field, annotation, labelled):
    """The square to crop; width and height of the person where the file says them."""
    rectangle = annotation.get("bbox")
    if rectangle is not None and rectangle != []:
        rectangle = numbers(rectangle, (4,), path, f"{field}.bbox")
        check_near(rectangle, path, f"{field}.bbox")
        if (rectangle[2:] < 0).any():
            expected = "a width and a height, not below 0"
            raise InputError(path, f"{field}.bbox", expected, rectangle[2:].tolist())
        check_pixels(rectangle, path, f"{field}.bbox")
        if (rectangle[2:] > 0).all():
            return Box.around(rectangle).scaled(WIDENED), rectangle[2:]
    return Box.of_joints(labelled), None


def _area(path, field, annotation, extent, labelled):
    area = annotation.get("area")
    if area is not None:
        area = float(numbers(area, (), path, f"{field}.area"))
        if not 0 <= area < np.inf:
            raise InputError(path, f"{field}.area", "pixels, not below 0", area)
    if area:
        return area
    if extent is None:
        return area_of_joints(labelled)
    return AREA_OF_BOX * float(extent.prod())


def area_of_joints(labelled: np.ndarray) -> float:
    """Pixels that a person covers, guessed from its joints alone.

    0.53 of their rectangle, 1.3 times as wide and high, no side below a third of the
    crop's. People of COCO with ten labels and more cover 0.85 of that (median; the
    square around them instead gives 0.43).

    Args:
        labelled: (n, 2) pixels, at least one.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.data.coco import area_of_joints
        >>> round(area_of_joints(np.array([[0.0, 0.0], [100.0, 200.0]])))  # of 20,000
        17914
    """
    side = Box.of_joints(labelled).side
    extent = np.maximum(JOINTS_MARGIN * np.ptp(labelled, axis=0), _THINNEST * side)
    return AREA_OF_BOX * float(extent.prod())
