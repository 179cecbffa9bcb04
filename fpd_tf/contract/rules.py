"""The rules of pose.json for tracking one person, the same for every network.

Kotlin, Swift and JavaScript implement the same rules. K joints.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from fpd_tf.joint_names import plain_name
from fpd_tf.joints import JointSet
from fpd_tf.settings import validated

AboveZero = Annotated[float, Field(gt=0)]
# smaller sides would give thousands of squares
Sides = Annotated[tuple[Annotated[float, Field(ge=0.05)], ...], Field(min_length=1)]


@validated
class Score:
    """The meaning of a joint's score, and two thresholds.

    A joint below `threshold` is not shown. If the mean over all joints is below
    `presence`, there is no person.
    """

    meaning: str = "the heatmap's largest cell, about 0 (absent) to 1 (certain)"
    threshold: float = 0.2
    presence: float = 0.2

    def present(self, scores: np.ndarray) -> bool:
        """Whether (K,) scores are those of a person."""
        return float(np.mean(scores, dtype=np.float64)) >= self.presence


@validated
class Crop:
    """The square crop of the next frame, from the joints of this one.

    Only joints that score `threshold` or more are used. The square is centred on the
    box around them; its side is `body_margin` times the longer side of that box, or
    `torso_margin` times that of the box around hips and shoulders if that is larger.
    If no hip or no shoulder is used, or the square would be larger than the frame's
    longer side or smaller than `smallest` pixels, it is the whole frame, padded with
    black. Measured with a 2x64 hourglass on 400 photographs of LSP-extended, first the
    whole photograph and then three refined crops: 25.6 PCK@0.2; 20.0 with a threshold
    of 0.2; 22.2 with the square around the hips of MoveNet's examples.
    """

    hips: tuple[int, ...]
    shoulders: tuple[int, ...]
    rule: Literal["box"] = "box"
    threshold: float = 0.1
    body_margin: AboveZero = 1.4
    torso_margin: AboveZero = 2.5
    smallest: AboveZero = 32.0


@validated
class Search:
    """The squares to search, one a frame and repeatedly, while nobody is tracked.

    For each of `sides`, in order, the squares whose side is that share of the frame's
    longer side (`fpd_tf.inference.crop.squares`). The person is found in the first
    square whose mean score reaches `score.presence`, and then tracked (`crop`) until
    the mean score of a crop falls below it; the search then continues at the next
    square.
    """

    rule: Literal["squares"] = "squares"
    sides: Sides = (1.0, 0.75, 0.5)


@validated
class Smoothing:
    """The one-euro filter (Casiez, Roussel and Vogel, CHI 2012, Algorithm 1).

    Cut-off frequencies in Hz; speeds in sides of the crop a second. A joint below
    `crop.threshold`, and a frame whose time is not later than the last one's, reset
    the filter. On photographs with added noise, as videos of 30 frames a second, these
    constants reduce the jitter of people who stand still from 3.6 to 1.6 thousandths of
    the crop's side, and increase the error of people who move by 2 %.
    """

    rule: Literal["one_euro"] = "one_euro"
    min_cutoff: AboveZero = 1.0
    beta: Annotated[float, Field(ge=0)] = 25.0
    derivative_cutoff: AboveZero = 1.0


@validated
class Rules:
    """All rules of tracking."""

    crop: Crop
    search: Search = Search()
    smoothing: Smoothing = Smoothing()
    score: Score = Score()


def rules_for(joint_set: JointSet) -> Rules:
    """The rules for networks without pose.json."""
    return Rules(crop_rule(joint_set))


def crop_rule(joint_set: JointSet) -> Crop:
    """The crop rule of a joint set, its hips and shoulders found by name.

    If it has none, all joints are used in their place with the body's margin: the crop
    is the box around the joints that score enough.

    Example:
        >>> from fpd_tf import JointSet
        >>> from fpd_tf.contract.rules import crop_rule
        >>> crop_rule(JointSet("hand", ("wrist", "thumb"))).hips
        (0, 1)
    """

    def indices(part):
        names = enumerate(map(plain_name, joint_set.joints))
        return tuple(index for index, name in names if name.endswith(part))

    hips, shoulders = indices("_hip"), indices("_shoulder")
    if hips and shoulders:
        return Crop(hips, shoulders)
    every = tuple(range(joint_set.num_joints))
    return Crop(every, every, torso_margin=Crop.body_margin)
