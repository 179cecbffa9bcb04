"""A page or image of annotated people: crops with labels and boxes, statistics."""

from pathlib import Path

import cv2
import numpy as np

from fpd_tf.data.look import Facts, facts_of
from fpd_tf.data.people import People
from fpd_tf.geometry import apply_matrix
from fpd_tf.inference.draw import MIDDLE, draw_pose
from fpd_tf.inference.sheet import AROUND, MOST, SIDE, Crop, check_sheet, write_sheet


def contact_sheet(people: People, out: str | Path, *, most: int = MOST) -> Facts:
    """Writes a page or a picture of annotated people.

    People with suspicious labels first, at most half of the sheet, then an even sample
    of the others.

    Args:
        people: with their photographs.
        out: an .html file with everything inside, or a .png with the crops alone.
        most: crops.

    Raises:
        InputError: another suffix, the name of a photograph, no people, or a photograph
            cannot be read.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.contact_sheet import contact_sheet
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="train")
        >>> contact_sheet(people, "sheet.png").people
        10
    """
    out = Path(out)
    check_sheet(out, people)
    facts = facts_of(people)
    crops = [_crop(people, at, facts) for at in _chosen(facts, most)]
    write_sheet(out, crops, "contact_sheet.html.jinja", people=people, facts=facts)
    return facts


def _chosen(facts, most):
    """Numbers of people: suspicious ones, then others in equal steps."""
    odd = list(facts.odd)
    others = [at for at in range(facts.people) if at not in facts.odd]
    room = most - min(len(odd), max(most // 2, most - len(others)))
    steps = np.linspace(0, len(others) - 1, min(room, len(others)))
    return odd[: most - len(steps)] + [others[round(at)] for at in steps]


def _crop(people: People, number: int, facts: Facts) -> Crop:
    person = people[number]
    matrix = person.box.scaled(AROUND).matrix(SIDE)
    crop = person.image.crop(matrix, SIDE)
    joints = apply_matrix(matrix, person.joints.astype(float))
    joints[~person.annotated] = np.nan
    drawn = draw_pose(crop, joints, joint_set=people.joint_set, thickness=3)
    for at in np.flatnonzero(person.annotated & ~person.visible):
        x, y = np.rint(joints[at]).astype(int).tolist()
        cv2.circle(drawn, (x, y), 1, (0, 0, 0), -1, cv2.LINE_AA)
    edge = round(SIDE * (1 - 1 / AROUND) / 2)
    cv2.rectangle(drawn, (edge, edge), (SIDE - 1 - edge,) * 2, MIDDLE, 1)
    name = person.photograph.name
    return Crop(number, name, drawn, facts.odd.get(number, ()))
