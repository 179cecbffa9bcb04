"""People whose labels disagree with a teacher, as a page or image.

N people, K joints.
"""

from pathlib import Path

import numpy as np

from fpd_tf.data.disagreement import SURE
from fpd_tf.data.look_teacher import LabelFacts, label_facts
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.geometry import apply_matrix
from fpd_tf.inference.draw import draw_pose
from fpd_tf.inference.sheet import AROUND, MOST, SIDE, Crop, check_sheet, write_sheet


def teacher_sheet(
    people: People,
    joints: np.ndarray,
    scores: np.ndarray,
    out: str | Path,
    *,
    most: int = MOST,
) -> LabelFacts:
    """Writes a page or a picture of people whose labels disagree with a teacher.

    The person with most such joints comes first. The left image of each person shows
    the labels, the right one the joints of which the teacher is confident.

    Args:
        people: N, with labels and photographs.
        joints: (N, K, 2) pixels of the photographs, predicted by the teacher.
        scores: (N, K), 0 for joints that it does not predict.
        out: an .html file with everything inside, or a .png with the crops alone.
        most: people shown.

    Raises:
        InputError: another suffix, no people, or a photograph cannot be read.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.teacher_sheet import teacher_sheet
        >>> people = fpd.load_mpii(fpd.synthesize("drawn", count=12), split="val")
        >>> seen = people.joints[:, fpd.MPII.flip_order]
        >>> list(teacher_sheet(people, seen, np.ones((2, 16)), "sheet.png").disputed)
        [0, 1]
    """
    out = Path(out)
    check_sheet(out, people)
    if not people:
        raise InputError.plain(people.source, "", "has no people to look at")
    facts = label_facts(people, joints, scores)
    sure = scores >= SURE
    shown = list(facts.disputed.items())[:most]
    crops = [_crop(people, at, why, joints[at], sure[at]) for at, why in shown]
    about = {"people": people, "facts": facts}
    write_sheet(out, crops, "teacher_sheet.html.jinja", **about)
    return facts


def _crop(people, number, reasons, joints, sure):
    person = people[number]
    matrix = person.box.scaled(AROUND).matrix(SIDE)
    crop = person.image.crop(matrix, SIDE)

    def drawn(joints, known):
        at = apply_matrix(matrix, np.asarray(joints, float))
        at[~known] = np.nan
        return draw_pose(crop, at, joint_set=people.joint_set, thickness=2)

    pair = drawn(person.joints, person.annotated), drawn(joints, sure)
    return Crop(number, person.photograph.name, np.hstack(pair), reasons)
