"""BlazePose's landmark models (Lite, Full, Heavy), which need an upright body.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020. The first
output, (1, 195), holds 39 points (x, y, z, visibility, presence): pixels of the crop
and logits; 33 of them are joints. B batch, S input size, K joints.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fpd_tf.contract.rules import rules_for
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
REACH, WIDER = 2.3, (1.15, 1.35)


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


def gives_landmarks(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether outputs of these shapes are BlazePose's.

    Example:
        >>> from fpd_tf.predictors.blazepose import gives_landmarks
        >>> gives_landmarks([(1, 195), (1, 1)]), gives_landmarks([(1, 1, 17, 3)])
        (True, False)
    """
    return len(shapes) > 1 and (1, _POINTS * _VALUES) in shapes


@dataclass(frozen=True, eq=False)
class UprightPredictor(Predictor):
    """A network whose crop is rotated by an earlier prediction, its own or another's.

    Args:
        look: images (B, S, S, 3) to joints (B, K, 2) in their pixels and scores (B, K),
            without rotation.
    """

    look: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None

    def turned_by(
        self, images: np.ndarray, matrices: np.ndarray, mirrored: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joints in pixels of the images, and scores, from rotated crops of them.

        Args:
            images: (B, h, w, 3).
            matrices: (B, 2, 3) from them to upright crops (`upright_matrix`).
            mirrored: whether the crops are mirrored.
        """
        size = (self.input_size, self.input_size)
        pairs = zip(images, matrices, strict=True)
        crops = np.stack([cv2.warpAffine(*pair, size) for pair in pairs])
        joints, scores = self.look(crops[:, :, ::-1] if mirrored else crops)
        if mirrored:
            order = self.joint_set.flip_order
            joints, scores = joints[:, order], scores[:, order]
            joints = [self.input_size - 1, 0] + joints * [-1, 1]
        return apply_matrix(invert_matrix(matrices), joints), scores


def landmarks_predictor(network: TfliteNetwork) -> UprightPredictor:
    """A predictor that runs twice: on the crop, and on the crop rotated by the first.

    The second crop is resampled from the first. For people who are not upright, the
    first prediction is inaccurate: let another network run first (`vote.voted`).

    Args:
        network: with the outputs of `gives_landmarks`.
    """
    size = network.input_size
    place = network.shapes.index((1, _POINTS * _VALUES))

    def look(images):
        found = network(images)[place].reshape(len(images), _POINTS, _VALUES)
        found = found[:, : BLAZEPOSE.num_joints]
        scores = 1 / (1 + np.exp(-np.float64(found[..., _VISIBILITY])))
        return found[..., :2] - 0.5, scores.astype(np.float32)

    def run(images):
        seen, _ = look(images)
        matrices = np.stack([upright_matrix(each, BLAZEPOSE, size) for each in seen])
        joints, scores = predictor.turned_by(images, matrices, mirrored=False)
        return Prediction(joints.astype(np.float32), scores)

    about = str(network.path), size, BLAZEPOSE, rules_for(BLAZEPOSE), run
    predictor = UprightPredictor(*about, look=look)
    return predictor


def upright_matrix(
    joints: np.ndarray, joint_set: JointSet, size: int, wider: float = WIDER[0]
) -> np.ndarray:
    """(2, 3) from a photograph or crop to a crop in which the person stands upright.

    It lies around the middle of the hips, turned so that the shoulders are above them,
    2.3 times as wide as the farthest joint is away, and a little wider.

    Args:
        joints: (K, 2) pixels.
        joint_set: of these joints, hips and shoulders among them.
        size: S of the crop.
        wider: how much.
    """
    hips, shoulders = (
        joints[[joint_set.find(f"{side}_{part}") for side in ("left", "right")]]
        for part in ("hip", "shoulder")
    )
    right, down = shoulders.mean(axis=0) - hips.mean(axis=0)
    degrees = -np.degrees(np.arctan2(right, -down))
    farthest = np.linalg.norm(joints - hips.mean(axis=0), axis=1).max()
    side = max(REACH * wider * float(farthest), 1.0)
    return Box(*hips.mean(axis=0).tolist(), side).matrix(size, degrees)
