"""BlazePose's landmark files (Lite, Full, Heavy), whose crop has to be turned upright.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020. The first
output, (1, 195), holds 39 points (x, y, z, visibility, presence): pixels of the crop
and logits; 33 of them are joints. B batch, S input size, K joints.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from fpd_tf.contract.pose_json import rules_for
from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.joint_names import flip_pairs_by_name
from fpd_tf.joints import COCO, JointSet
from fpd_tf.predictors.predictor import Prediction, Predictor
from fpd_tf.predictors.tflite_network import TfliteNetwork

_POINTS, _VALUES, _VISIBILITY = 39, 5, 3
_SIDED = (
    *("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee"),
    *("ankle", "heel", "foot_index"),
)
_NAMES = (
    "nose",
    *("left_eye_inner", "left_eye", "left_eye_outer"),
    *("right_eye_inner", "right_eye", "right_eye_outer"),
    *("left_ear", "right_ear", "mouth_left", "mouth_right"),
    *(f"{side}_{part}" for part in _SIDED for side in ("left", "right")),
)
REACH, WIDER = 2.3, 1.15
_LEAST_SIDE = 0.1


def _groups():
    """COCO's joints are scored, as COCO groups them."""
    return {
        group: tuple(_NAMES.index(COCO.joints[joint]) for joint in joints)
        for group, joints in COCO.groups.items()
    }


BLAZEPOSE = JointSet(
    name="blazepose",
    joints=_NAMES,
    flip_pairs=flip_pairs_by_name(_NAMES),
    limbs=tuple(
        tuple(_NAMES.index(COCO.joints[joint]) for joint in limb) for limb in COCO.limbs
    ),
    groups=_groups(),
)
_HIPS = [BLAZEPOSE.index("left_hip"), BLAZEPOSE.index("right_hip")]
_SHOULDERS = [BLAZEPOSE.index("left_shoulder"), BLAZEPOSE.index("right_shoulder")]


def gives_landmarks(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether outputs of these shapes are BlazePose's.

    Example:
        >>> from fpd_tf.predictors.blazepose import gives_landmarks
        >>> gives_landmarks([(1, 195), (1, 1)]), gives_landmarks([(1, 1, 17, 3)])
        (True, False)
    """
    return len(shapes) > 1 and (1, _POINTS * _VALUES) in shapes


def landmarks_predictor(network: TfliteNetwork) -> Predictor:
    """A predictor that looks twice: as the crop is, then turned upright by that.

    The second crop lies around the middle of the hips, turned so that the shoulders are
    above them, 2.3 times as wide as the farthest joint is away, and a little wider. It
    is taken from the first one, so that nothing outside of that is seen.

    Args:
        network: whose outputs `gives_landmarks` knows.
    """
    size = network.input_size
    place = network.shapes.index((1, _POINTS * _VALUES))

    def look(images):
        found = network(images)[place].reshape(len(images), _POINTS, _VALUES)
        found = found[:, : BLAZEPOSE.num_joints]
        scores = 1 / (1 + np.exp(-found[..., _VISIBILITY]))
        return found[..., :2] - 0.5, scores.astype(np.float32)

    def run(images):
        joints, _ = look(images)
        matrices = np.stack([upright_matrix(each, size) for each in joints])
        pairs = zip(images, matrices, strict=True)
        turned = [
            cv2.warpAffine(image, matrix, (size, size)) for image, matrix in pairs
        ]
        joints, scores = look(np.stack(turned))
        joints = apply_matrix(invert_matrix(matrices), joints)
        return Prediction(joints.astype(np.float32), scores)

    return Predictor(str(network.path), size, BLAZEPOSE, rules_for(BLAZEPOSE), run)


def upright_matrix(joints: np.ndarray, size: int) -> np.ndarray:
    """(2, 3) from a crop to one in which the person stands upright.

    Args:
        joints: (33, 2) pixels of an S x S crop.
        size: S, of both.
    """
    hips, shoulders = joints[_HIPS].mean(axis=0), joints[_SHOULDERS].mean(axis=0)
    right, down = shoulders - hips
    degrees = -np.degrees(np.arctan2(right, -down))
    farthest = np.linalg.norm(joints - hips, axis=1).max()
    side = max(REACH * WIDER * float(farthest), _LEAST_SIDE * size)
    return Box(*hips.tolist(), side).matrix(size, degrees)
