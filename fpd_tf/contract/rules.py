"""The rules of pose.json: what follows the joints of one person, whoever finds them.

Kotlin, Swift and JavaScript know the same rules. K joints.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from fpd_tf.joint_names import plain_name
from fpd_tf.joints import JointSet

FIXED = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, config=FIXED)
class Score:
    """A joint's confidence, and the least of it.

    A joint below `threshold` is not to be shown. Where the mean over all joints is
    below `presence`, nobody is there: no pose.
    """

    meaning: str = "the heatmap's largest cell, about 0 (absent) to 1 (certain)"
    threshold: float = 0.2
    presence: float = 0.2

    def present(self, scores: np.ndarray) -> bool:
        """Whether (K,) scores are somebody's."""
        return float(np.mean(scores, dtype=np.float64)) >= self.presence


@dataclass(frozen=True, config=FIXED)
class Crop:
    """The square to look at in the next frame, from this frame's joints.

    Only joints that score `threshold` or more are followed. The square is centred on
    the box around them; its side is `body_margin` times the longer side of that box, or
    `torso_margin` times that of the box around hips and shoulders where this is more.
    Where no hip or no shoulder is followed, or the square would be larger than the
    frame's longer side or smaller than `smallest` pixels, it is the whole frame, black
    around. Measured with a 2x64 hourglass on 400 photographs of LSP-extended, looked at
    whole and then three times more: 25.6 PCK@0.2; 20.0 with a threshold of 0.2; 22.2
    with the square that MoveNet's examples lay around the hips.
    """

    hips: tuple[int, ...]
    shoulders: tuple[int, ...]
    rule: Literal["box"] = "box"
    threshold: float = 0.1
    body_margin: float = 1.4
    torso_margin: float = 2.5
    smallest: float = 32.0


@dataclass(frozen=True, config=FIXED)
class Search:
    """Where to look while nobody is followed: squares, one a frame, over and over.

    For each of `sides`, in order, the squares whose side is that share of the frame's
    longer side (`fpd_tf.inference.crop.squares`). The first look whose mean score
    reaches `score.presence` finds the person, who is followed from there (`crop`) until
    a look's mean score falls below it; the search then goes on at the next square.
    """

    rule: Literal["squares"] = "squares"
    sides: tuple[Annotated[float, Field(gt=0)], ...] = (1.0, 0.75, 0.5)


@dataclass(frozen=True, config=FIXED)
class Smoothing:
    """The one-euro filter (Casiez, Roussel and Vogel, CHI 2012, Algorithm 1).

    Cut-off frequencies in Hz; speeds in sides of the crop a second. A joint that is not
    followed, and a frame whose time is not later than the last one's, start anew. On
    photographs with added noise, as videos of 30 frames a second, these constants took
    the jitter of people who stand still from 3.6 to 1.6 thousandths of the crop's side,
    and added 2 % to the error of people who move.
    """

    rule: Literal["one_euro"] = "one_euro"
    min_cutoff: float = 1.0
    beta: float = 25.0
    derivative_cutoff: float = 1.0


@dataclass(frozen=True, config=FIXED)
class Rules:
    """What a video's frames are followed by, whoever runs the network."""

    crop: Crop
    search: Search = Search()
    smoothing: Smoothing = Smoothing()
    score: Score = Score()


def rules_for(joint_set: JointSet) -> Rules:
    """The rules of networks without a contract."""
    return Rules(crop_rule(joint_set))


def crop_rule(joint_set: JointSet) -> Crop:
    """The crop rule of a joint set, its hips and shoulders found by name.

    Where it has none, all joints stand for them, with the body's margin: the crop is
    the box around whichever joints are followed, in every reader of version 1.

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
