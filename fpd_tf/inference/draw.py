"""Skeletons and heatmaps on photographs.

H x W photograph, h x w heatmap, K joints; RGB throughout.
"""

import cv2
import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.joint_names import side_of
from fpd_tf.joints import JointSet

RIGHT = (255, 122, 60)
LEFT = (40, 168, 255)
MIDDLE = (240, 236, 228)
OUTLINE = (24, 26, 32)
HEATMAP_OPACITY = 0.8

_EXTENT_TO_LINE = 50
_SUBPIXEL_BITS = 4


def draw_pose(
    image: np.ndarray,
    joints: np.ndarray,
    scores: np.ndarray | None = None,
    *,
    joint_set: JointSet,
    threshold: float = 0.0,
    thickness: int | None = None,
) -> np.ndarray:
    """Draws one person: the person's right orange, left blue, middle white.

    Args:
        image: (H, W, 3) uint8 RGB, left as it is.
        joints: (K, 2) pixels (x, y); NaN if unknown.
        scores: (K,) confidences, all drawn where None.
        joint_set: names the K joints and their limbs.
        threshold: joints with a lower score are left out, with their limbs.
        thickness: pixels of a limb; where None a fiftieth of the person's extent.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: another image type, joints or scores of another shape.

    Example:
        >>> import numpy as np
        >>> from fpd_tf import MPII, draw_pose
        >>> image = np.zeros((64, 64, 3), np.uint8)
        >>> joints = np.linspace((4, 4), (60, 60), 16)
        >>> draw_pose(image, joints, joint_set=MPII).any()
        np.True_
    """
    drawn = np.array(_checked(image), order="C")
    joints = np.asarray(joints, float)
    if joints.shape != (joint_set.num_joints, 2):
        expected = f"({joint_set.num_joints}, 2)"
        raise InputError("joints", "shape", expected, joints.shape)
    shown = np.isfinite(joints).all(axis=1)
    if scores is not None:
        if np.shape(scores) != shown.shape:
            raise InputError("scores", "shape", f"{shown.shape}", np.shape(scores))
        shown &= np.asarray(scores) >= threshold
    if thickness is None:
        thickness = _thickness(joints[shown], max(drawn.shape))
    for start, end in joint_set.limbs:
        if shown[start] and shown[end]:
            color = _color(joint_set, start, end)
            _line(drawn, joints[start], joints[end], thickness, color)
    for joint in np.flatnonzero(shown):
        _dot(drawn, joints[joint], thickness, _color(joint_set, joint))
    return drawn


def draw_heatmaps(image: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Overlays the maximum over all heatmaps on the photograph.

    Colour (plasma) and opacity grow with the value, from 0 (transparent) to 1, the peak
    of a certain joint.

    Args:
        image: (H, W, 3) uint8 RGB, the crop the heatmaps were made from.
        heatmaps: (h, w, K), peak 1.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: another image type, heatmaps without three axes.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.inference.draw import draw_heatmaps
        >>> image = np.zeros((256, 256, 3), np.uint8)
        >>> draw_heatmaps(image, np.ones((64, 64, 16))).shape
        (256, 256, 3)
    """
    image = _checked(image)
    if np.ndim(heatmaps) != 3:
        raise InputError("heatmaps", "shape", "(h, w, K)", np.shape(heatmaps))
    height, width = image.shape[:2]
    strength = np.max(heatmaps, axis=-1).astype(np.float32)
    strength = cv2.resize(strength, (width, height), interpolation=cv2.INTER_CUBIC)
    strength = np.clip(strength, 0, 1)
    levels = np.rint(255 * strength).astype(np.uint8)
    colors = cv2.applyColorMap(levels, cv2.COLORMAP_PLASMA)[..., ::-1]
    opacity = HEATMAP_OPACITY * (1 - (1 - strength[..., None]) ** 2)
    return np.rint(image + opacity * (colors - image.astype(float))).astype(np.uint8)


def _line(image, start, end, thickness, color):
    rim = 2 * _rim(thickness)
    for width, paint in ((thickness + rim, OUTLINE), (thickness, color)):
        cv2.line(
            image, _fixed(start), _fixed(end), paint, width, cv2.LINE_AA, _SUBPIXEL_BITS
        )


def _dot(image, at, thickness, color):
    radius = 1.1 * thickness
    for reach, paint in ((radius + _rim(thickness), OUTLINE), (radius, color)):
        reach = round(reach * 2**_SUBPIXEL_BITS)
        cv2.circle(image, _fixed(at), reach, paint, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _rim(thickness):
    return max(1, round(thickness / 5))


def _fixed(point):
    x, y = np.rint(np.clip(point, -1e6, 1e6) * 2**_SUBPIXEL_BITS).astype(int).tolist()
    return x, y


def _thickness(joints, longest):
    extent = np.ptp(joints, axis=0).max() if len(joints) else 0
    return max(1, round(min(extent, longest) / _EXTENT_TO_LINE))


def _color(joint_set, *joints):
    sides = {side_of(joint_set.joints[joint]) for joint in joints}
    right, left = "right" in sides, "left" in sides
    if right == left:
        return MIDDLE
    return RIGHT if right else LEFT


def _checked(image):
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        received = f"{image.dtype} {image.shape}"
        raise InputError("image", "", "uint8 RGB of shape (H, W, 3)", received)
    return image
