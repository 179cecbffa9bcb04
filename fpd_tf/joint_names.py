"""Left and right in joint names, in any common notation.

left_knee, LeftKnee, l_knee, LKnee, knee_l and knee.L are one joint.
"""

import re
from collections.abc import Sequence

_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def side_of(name: str) -> str:
    """The side of a joint: left, right, or nothing for one in the middle.

    Example:
        >>> from fpd_tf.joint_names import side_of
        >>> [side_of(name) for name in ("L_Knee", "rightKnee", "ear.l", "nose")]
        ['left', 'right', 'left', '']
    """
    sides = [_SIDES[word] for word in _words(name) if word in _SIDES]
    return sides[0] if sides else ""


def part_of(name: str) -> str:
    """The name without its side, small letters and underscores.

    Example:
        >>> from fpd_tf.joint_names import part_of
        >>> part_of("Left Front-Paw"), part_of("upperNeck")
        ('front_paw', 'upper_neck')
    """
    words = _words(name)
    sided = next((at for at, word in enumerate(words) if word in _SIDES), None)
    return "_".join(word for at, word in enumerate(words) if at != sided)


def plain_name(name: str) -> str:
    """The name as this package writes its own: left_knee, right_knee, nose.

    Example:
        >>> from fpd_tf.joint_names import plain_name
        >>> [plain_name(name) for name in ("LKnee", "knee-r", "Nose")]
        ['left_knee', 'right_knee', 'nose']
    """
    side, part = side_of(name), part_of(name)
    return f"{side}_{part}" if side and part else part or side


def flip_pairs_by_name(joints: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The (right, left) indices of joints whose names differ in their side alone.

    Args:
        joints: names, each once. `lknee` and `rknee` are a pair where both are there.

    Example:
        >>> from fpd_tf.joint_names import flip_pairs_by_name
        >>> flip_pairs_by_name(("nose", "l_eye", "r_eye", "lear", "rear", "left_paw"))
        ((2, 1), (4, 3))
    """
    at = {plain_name(name): index for index, name in enumerate(joints)}
    whole = {name.lower(): index for index, name in enumerate(joints)}
    pairs = []
    for index, name in enumerate(joints):
        if side_of(name) == "right":
            left = at.get(f"left_{part_of(name)}")
        elif side_of(name) == "" and name.lower().startswith("r"):
            left = whole.get("l" + name.lower()[1:])
        else:
            left = None
        if left is not None:
            pairs.append((index, left))
    return tuple(pairs)


def _words(name):
    return [word.lower() for word in _WORDS.findall(name)]
