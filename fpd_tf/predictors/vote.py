"""Several views and several predictors combined by a vote on each joint.

B batch, S input size, K joints, V views. A view is the crop rotated by a multiple of
90 degrees, mirrored or not; its joints are transformed back to the crop.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import cv2
import numpy as np

from fpd_tf.contract.rules import rules_for
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.joint_maps import joint_union
from fpd_tf.joint_names import plain_name
from fpd_tf.predictors.blazepose import WIDER, UprightPredictor, upright_matrix
from fpd_tf.predictors.predictor import Prediction, Predictor

Views = Literal["upright", "mirrored", "turned"]
ZOOM, FINER = 0.9, 1.25
RADIUS, POWER = 0.05, 4
SURE = 0.6
TORSO = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
_TINY = 1e-9


def voted(
    predictors: Sequence[Predictor],
    views: Views = "turned",
    only: Predictor | None = None,
) -> Predictor:
    """A predictor that combines several views, and several predictors.

    Each view votes for each joint with a Gaussian around its prediction, as high as its
    score. The position with the most votes wins, and votes near it are averaged. The
    votes of a rotation are weighted by its mean score to the 4th power, and all
    predictors have equal weight. The joint's score is the winner's share of the largest
    possible vote: near 1 if all views are confident and agree.

    A network that needs an upright body (BlazePose) runs after the others, on a crop
    rotated by their result.

    People with a mean score of 0.6 in the upright views are not rotated, and only
    rotations with half of the best one's weight are mirrored too.

    Args:
        predictors: of any kind and size, joints matched by name.
        views: "upright", one view; "mirrored", also the mirror image; "turned", also
            three rotations.
        only: the one of them whose votes count; the others merely turn its crop, if it
            needs an upright body. None: all count.

    Returns:
        A predictor with the joints of all that count, without heatmaps. Its crops have
        1.25 times the size of its largest predictor's, which get the inner 0.9 of them.

    Raises:
        InputError: no predictor, or other views.

    Example:
        >>> import fpd_tf as fpd
        >>> import numpy as np
        >>> from fpd_tf.predictors.load import load_predictor
        >>> from fpd_tf.predictors.vote import voted
        >>> predict = load_predictor(fpd.build_model("tiny", input_size=64))
        >>> both = voted([predict], "mirrored")
        >>> both(np.zeros((1, both.input_size, both.input_size, 3))).joints.shape
        (1, 16, 2)
    """
    if not predictors:
        raise InputError("predictors", "", "one or more", "none")
    if views not in get_args(Views):
        raise InputError("views", "", f"one of {', '.join(get_args(Views))}", views)
    voters = [only] if only else predictors
    joint_set = joint_union([each.joint_set for each in voters])
    size = round(FINER * max(each.input_size for each in predictors))

    guide, guided = _guide_of(predictors)

    def run(images):
        alone = [each for each in predictors if each not in guided]
        looks = [(each, _looks(each, images, views)) for each in alone]
        if guided:
            joints = _counted(looks, guide, size).joints
            looks += [
                (each, _upright_looks(each, images, joints, guide, views))
                for each in guided
            ]
        counted = [look for look in looks if look[0] in voters]
        return _counted(counted, joint_set, size)

    name = " + ".join(each.name for each in voters)
    return Predictor(name, size, joint_set, rules_for(joint_set), run)


def elected(
    joints: np.ndarray, scores: np.ndarray, weights: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """The result of the vote of V views.

    Args:
        joints: (V, B, K, 2) pixels of the crop.
        scores: (V, B, K), at least 0.
        weights: (V, B, K) of the votes; they need not add up to 1.
        radius: standard deviation of a vote, pixels.

    Returns:
        (B, K, 2) float32 joints and (B, K) float32 scores, 0 without votes.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.predictors.vote import elected
        >>> joints = np.array([[10.0, 0], [12, 0], [90, 0]]).reshape(3, 1, 1, 2)
        >>> scores = np.array([0.5, 0.5, 0.9]).reshape(3, 1, 1)
        >>> place, score = elected(joints, scores, np.ones((3, 1, 1)), radius=4.0)
        >>> print(place.round(2), score.round(2))
        [[[10.94  0.  ]]] [[0.31]]
    """
    votes = weights * scores
    distances = ((joints[:, None] - joints) ** 2).sum(axis=-1)
    near = np.exp(-distances / (2 * radius**2))
    best = (near * votes).sum(axis=1).argmax(axis=0)
    near = np.take_along_axis(near, best[None, None], axis=0)[0]
    counted = near * votes
    total = counted.sum(axis=0)
    places = (counted[..., None] * joints).sum(axis=0) / (total[..., None] + _TINY)
    scores = total / (weights.sum(axis=0) + _TINY)
    return places.astype(np.float32), scores.astype(np.float32)


def _guide_of(predictors):
    """The joints of the predictors that look first, and those whom they turn upright.

    Nobody is turned where the others know no hips or shoulders.
    """
    upright = [each for each in predictors if isinstance(each, UprightPredictor)]
    others = [each.joint_set for each in predictors if each not in upright]
    guide = joint_union(others) if others else None
    knows = guide and all(guide.find(name) is not None for name in TORSO)
    return guide, upright if knows else []


def _counted(looks, joint_set, size):
    seen = [_in_union(each, by.joint_set, joint_set) for by, each in looks]
    columns = zip(*seen, strict=True)
    joints, scores, weights = (np.concatenate(each) for each in columns)
    return Prediction(*elected(joints, scores, weights, RADIUS * size))


def _upright_looks(predictor, images, joints, joint_set, views):
    """`_looks` at crops that others' joints (B, K, 2) turn upright."""
    found, several = [], views != "upright"
    for wider in WIDER if several else WIDER[:1]:
        how = joint_set, predictor.input_size, wider
        matrices = np.stack([upright_matrix(each, *how) for each in joints])
        for mirrored in (False, True)[: 1 + several]:
            found.append(predictor.turned_by(images, matrices, mirrored))
    joints, scores = (np.stack(each) for each in zip(*found, strict=True))
    return joints, scores, _same_say(scores.mean(axis=-1) ** POWER, scores)


def _same_say(weights, scores):
    """Weights (V, B) of a predictor's views, such that its votes add up to 1."""
    return weights / ((weights * scores.mean(axis=-1)).sum(axis=0) + _TINY)


def _looks(predictor, images, views):
    """Joints (V, B, K, 2) in the images, scores (V, B, K) and weights (V, B).

    The weights of a person's views give each predictor the same say.
    """
    rotations = 4 if views == "turned" else 1
    shape = rotations, 2, len(images)
    num_joints = predictor.joint_set.num_joints
    joints, scores = np.zeros((*shape, num_joints, 2)), np.zeros((*shape, num_joints))
    looked = np.zeros(shape)
    shown = _inner(images, predictor.input_size)

    def look(rotation, mirror, who):
        view = rotation, mirror
        if who.any():
            found = _seen_in(view, predictor, shown[who])
            joints[view][who], scores[view][who] = found
        looked[view] = who

    def importance():
        means = scores.mean(axis=-1).sum(axis=1) / np.maximum(looked.sum(axis=1), 1)
        return means**POWER

    everybody = np.ones(len(images), bool)
    look(0, 0, everybody)
    look(0, 1, everybody & (views != "upright"))
    unsure = importance()[0] < SURE**POWER
    for rotation in range(1, rotations):
        look(rotation, 0, unsure)
    half = importance().max(axis=0) / 2
    for rotation in range(1, rotations):
        look(rotation, 1, unsure & (importance()[rotation] >= half))
    to_images = _inner_matrix(images.shape[1], predictor.input_size)
    joints = apply_matrix(invert_matrix(to_images), joints)
    weights = importance()[:, None] * looked
    joints, scores, weights = (
        each.reshape(-1, *each.shape[2:]) for each in (joints, scores, weights)
    )
    return joints, scores, _same_say(weights, scores)


def _inner_matrix(size, shown_size):
    middle = (size - 1) / 2
    return Box(middle, middle, ZOOM * size).matrix(shown_size)


def _inner(images, size):
    """The inner part of (B, S, S, 3) crops, as large as a network wants it."""
    matrix = _inner_matrix(images.shape[1], size)
    return np.stack([cv2.warpAffine(each, matrix, (size, size)) for each in images])


def _seen_in(view, predictor, images):
    """Joints and scores of one view, back in the crop as it was."""
    rotation, mirror = view
    turned = np.rot90(images, -rotation, axes=(1, 2))
    found = predictor(turned[:, :, ::-1] if mirror else turned)
    size, (joints, scores) = predictor.input_size, (found.joints, found.scores)
    if mirror:
        order = predictor.joint_set.flip_order
        joints, scores = joints[:, order], scores[:, order]
    middle = (size - 1) / 2
    matrix = Box(middle, middle, size).matrix(size, 90.0 * rotation, bool(mirror))
    return apply_matrix(invert_matrix(matrix), joints), np.maximum(scores, 0)


def _in_union(seen, joint_set, union):
    """Joints and scores at their places in a larger set, weights for each joint."""
    joints, scores, weights = seen
    columns = [union.find(plain_name(name)) for name in joint_set.joints]
    shape = *scores.shape[:2], union.num_joints
    everywhere = np.zeros((*shape, 2)), np.zeros(shape), np.zeros(shape)
    for wide, narrow in zip(
        everywhere, (joints, scores, weights[..., None]), strict=True
    ):
        wide[:, :, columns] = narrow
    return everywhere
