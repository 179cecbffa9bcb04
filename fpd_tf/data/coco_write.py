"""Any people as COCO keypoints json, for other tools and for `load_coco`."""

import json
import os
from pathlib import Path

import numpy as np

from fpd_tf.data.coco import AREA_OF_BOX, WIDENED, area_of_joints
from fpd_tf.data.images import upright_size
from fpd_tf.data.people import People, checked_people
from fpd_tf.errors import InputError
from fpd_tf.files import written_whole


def write_coco(people: People, path: str | Path) -> Path:
    """Writes people as COCO keypoints json; the photographs stay where they are.

    `bbox` is the person's square without the 1.25 that `load_coco` widens it by, so
    that it reads the same people; `area` is the person's own, else `area_of_joints`.
    Head sizes have no place in it. File names are below the folder that all photographs
    share, which `--images` wants when the file is read.

    Args:
        people: on photographs, not packed.
        path: the json to write.

    Raises:
        InputError: people are packed, a photograph is missing, or the disk is full.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.coco_write import write_coco
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="val")
        >>> file = write_coco(people, "val.json")
        >>> again = fpd.load_coco(annotations=file, images="drawn/images")
        >>> again.joint_set.name, len(again)
        ('mpii', 2)
    """
    for number, person in enumerate(checked_people(people)):
        if person.packed:
            sentence = "is packed; use the data that it was packed from"
            raise InputError.plain(people.source, f"person {number}", sentence)
    paths = list(dict.fromkeys(person.image_path for person in people))
    folder = images_folder(people)
    numbers = {path: number for number, path in enumerate(paths, 1)}
    of = people.joint_set
    content = {
        "info": {"description": f"{len(people)} people of {people.source}"},
        "images": [_image(path, folder, number) for path, number in numbers.items()],
        "annotations": [
            _annotation(person, number, numbers[person.image_path])
            for number, person in enumerate(people, 1)
        ],
        "categories": [
            {
                "id": 1,
                "name": "person",
                "keypoints": list(of.joints),
                "skeleton": [[one + 1, other + 1] for one, other in of.limbs],
            }
        ],
    }
    with written_whole(path) as aside:
        aside.write_text(json.dumps(content), encoding="utf-8")
    return Path(path)


def images_folder(people: People) -> Path:
    """The folder that all photographs of people share."""
    return Path(os.path.commonpath([person.image_path.parent for person in people]))


def _image(path, folder, number):
    width, height = upright_size(path)
    name = path.relative_to(folder).as_posix()
    return {"id": number, "file_name": name, "width": width, "height": height}


def _annotation(person, number, image):
    flags = np.where(person.visible, 2, 1) * person.annotated
    joints = np.where(person.annotated[:, None], person.joints, 0)
    bbox = person.box.scaled(1 / WIDENED).rectangle
    keypoints = zip(joints.tolist(), flags.tolist(), strict=True)
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": list(bbox),
        "area": person.area or _area(joints[person.annotated], bbox),
        "keypoints": [value for (x, y), flag in keypoints for value in (x, y, flag)],
        "num_keypoints": int(person.annotated.sum()),
    }


def _area(labelled, bbox):
    if len(labelled):
        return area_of_joints(labelled)
    return AREA_OF_BOX * bbox[2] * bbox[3]
