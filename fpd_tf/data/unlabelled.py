"""People without labels: boxes of a COCO json, or people found in a folder.

K joints; pixels (x, y) with centres at whole numbers.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fpd_tf.data.checks import check_near, check_pixels, described, keep_good, numbers
from fpd_tf.data.coco import WIDENED
from fpd_tf.data.coco_folder import folders_beside
from fpd_tf.data.coco_json import read_coco
from fpd_tf.data.images import photographs_in
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import JointSet
from fpd_tf.progress import tracked

logger = logging.getLogger("fpd_tf")

PERSON = "person"
LOOKING = "people without labels"


def load_unlabelled(
    path: str | Path,
    joint_set: JointSet,
    find: Callable[[Path], Box | None] | None = None,
    *,
    on_error: str = "raise",
) -> People:
    """People of whom no joint is annotated.

    Args:
        path: a COCO json whose annotations have `bbox` (x, y, width, height), or a
            folder of photographs. Of the json, crowds are left out; if it has a
            category "person", so are the others; keypoints are ignored. The crop is
            the square around the longer side of `bbox`, 1.25 times as wide.
        joint_set: of the labelled people.
        find: gives the square around the person of a photograph, or None if there is
            nobody (`inference.boxes.box_finder`); for a folder.
        on_error: "raise" at the first bad person, or "skip" them and log how many.

    Returns:
        People without labels, which cannot be scored.

    Raises:
        InputError: no such file, another kind of json, an annotation without a box, no
            photograph, or no person was found.

    Example:
        >>> import json, pathlib
        >>> from PIL import Image
        >>> from fpd_tf import LSP
        >>> from fpd_tf.data.unlabelled import load_unlabelled
        >>> Image.new("RGB", (64, 64)).save("a.jpg")
        >>> boxes = [{"id": 5, "image_id": 7, "bbox": [10, 20, 40, 20]}]
        >>> content = {"images": [{"id": 7, "file_name": "a.jpg"}]}
        >>> content |= {"annotations": boxes}
        >>> _ = pathlib.Path("boxes.json").write_text(json.dumps(content))
        >>> people = load_unlabelled("boxes.json", LSP)
        >>> people[0].box, people.annotated.any().item()
        (Box(x=29.5, y=29.5, side=50.0), False)
    """
    path, none = Path(path), np.zeros(joint_set.num_joints, bool)
    nowhere = np.zeros((joint_set.num_joints, 2))

    def person(photograph, box, size=None):
        return Sample(photograph, nowhere, none, none, box, image_size=size)

    if path.is_dir():
        jobs = _searched(path, find, person)
    else:
        jobs = _with_boxes(path, person)
    looked = keep_good(tracked(jobs, LOOKING), on_error)
    people = [each for each in looked if each]
    if not people:
        raise InputError(path, "", "a photograph with a person in it", "nobody found")
    if nobody := len(looked) - len(people):
        logger.warning(
            "%s: %d people; no person found in %d photographs",
            *(path, len(people), nobody),
        )
    return People(people, joint_set, source=str(path))


def _searched(folder, find, person):
    """One job for each photograph, which gives a person or None."""
    if find is None:
        expected = "a COCO json of boxes, or `find`, which returns the box of a person"
        raise InputError(folder, "", expected, "a folder")

    def search(photograph):
        box = find(photograph)
        return box and person(photograph, box)

    return [partial(search, photograph) for photograph in photographs_in(folder)]


def _with_boxes(path, person):
    """One job for each annotation that is no crowd."""
    file = read_coco(path, folders_beside(path), keypoints=False)
    photographs, sizes = file.photographs(), file.sizes()
    persons = [each for each in file.categories if each.get("name") == PERSON]
    wanted = {str(each.get("id")) for each in persons}

    def boxed(field, annotation):
        key = str(annotation.get("image_id"))
        photograph = photographs.get(key)
        if photograph is None:
            received = described(annotation.get("image_id"))
            raise InputError(path, f"{field}.image_id", "the id of an image", received)
        if isinstance(photograph, InputError):
            raise photograph
        box = _box(path, f"{field}.bbox", annotation.get("bbox"))
        return person(photograph, box, sizes.get(key))

    jobs = [
        partial(boxed, f"annotations[{at}]", annotation)
        for at, annotation in enumerate(file.annotations)
        if not annotation.get("iscrowd")
        and (not wanted or str(annotation.get("category_id")) in wanted)
    ]
    if not jobs:
        raise InputError(path, "annotations", "a person, no crowd", "none")
    return jobs


def _box(path, field, rectangle):
    rectangle = numbers(rectangle, (4,), path, field)
    check_near(rectangle, path, field)
    if (rectangle[2:] <= 0).any():
        expected = "a width and a height above 0"
        raise InputError(path, field, expected, rectangle[2:].tolist())
    check_pixels(rectangle, path, field)
    return Box.around(rectangle).scaled(WIDENED)
