"""Pictures of one person each, among clutter, with the positions of the joints.

Pieces are painted from far to near, each as cloth wrapped around a cylinder, so that
limbs hide each other; which piece ended up nearest tells which joints can be seen.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from fpd_tf.drawn.figure import (
    HEAD,
    PATCH,
    SKINS,
    Piece,
    body,
    colour,
    garment,
    one_of,
    pose,
    woven,
)
from fpd_tf.joints import MPII

_SIDEWAYS = np.linspace(-1, 1, PATCH[1], dtype=np.float32)
_FRONTAL = np.sqrt(1 - _SIDEWAYS**2)
_ANGLES = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_RING = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


@dataclass(frozen=True, eq=False)
class Person:
    """Labels of one drawn person; 0-based pixels, joints in MPII's order.

    Args:
        joints: (16, 2) x, y.
        visible: (16,) bool, False where the joint is occluded.
        annotated: (16,) bool, False for the labels left out.
        center: (2,) as MPII's annotators click it: about the middle, a little high.
        scale: stature / 200 px.
        head_box: (4,) x1, y1, x2, y2.
    """

    joints: np.ndarray
    visible: np.ndarray
    annotated: np.ndarray
    center: np.ndarray
    scale: float
    head_box: np.ndarray


# Surroundings


def _scenery(rng, size) -> np.ndarray:
    """A wall and a floor, unevenly lit and a little out of focus: (H, W, 3)."""
    canvas = np.empty((size[1] // 2, size[0] // 2, 3), np.float32)
    horizon = int(len(canvas) * rng.uniform(0.55, 0.95))
    for half in (canvas[:horizon], canvas[horizon:]):
        base = colour(rng, (0.05, 0.5), (0.35, 0.95))
        colours = base, np.float32(rng.uniform(0.75, 0.95)) * base
        half[:] = woven(rng, colours, half.shape[:2], (3, 20))
    uneven = rng.uniform(0.7, 1.2, (5, 5, 1)) * rng.uniform(0.9, 1.1, (5, 5, 3))
    canvas *= cv2.resize(np.float32(uneven), canvas.shape[1::-1])
    return cv2.resize(canvas, size)


def _thing(rng, middle, reach) -> Piece:
    """A bar or a boulder near a point; every third looks like a bare limb."""
    limb = rng.random() < 0.33
    circles = np.zeros((2 if limb else rng.integers(2, 5), 4))
    circles[:, :2] = middle + rng.uniform(-reach, reach, (len(circles), 2))
    circles[:, 3] = rng.uniform(0.05, 0.2) * reach
    return Piece(one_of(rng, SKINS) if limb else garment(rng), circles)


# Painting


def _cover(piece, outline, light, size) -> np.ndarray:
    """The piece's cloth, lit like a cylinder, laid over its outline: (h, w, 3)."""
    along = piece.circles[-1, :2] - piece.circles[0, :2]
    along = along / np.hypot(*along) if np.any(along) else np.array([0.0, 1.0])
    axes = np.array([[-along[1], along[0]], along])
    lit = _SIDEWAYS * np.float32(axes[0] @ light[:2]) + _FRONTAL * np.float32(light[2])
    cloth = piece.cloth * (0.5 + 0.55 * np.maximum(lit, 0))[:, None]
    spread = outline @ axes.T
    low, high = spread.min(0), spread.max(0)
    to_window = np.column_stack([axes.T * ((high - low) / PATCH[::-1]), low @ axes])
    return cv2.warpAffine(cloth, to_window, size, borderMode=cv2.BORDER_REPLICATE)


def paint(canvas, nearest, piece: Piece, number: int, light: np.ndarray) -> None:
    """Lays a piece in pixels over canvas (H, W, 3), its number over nearest (H, W)."""
    dots = piece.circles[:, None, :2] + piece.circles[:, None, 3:] * _RING
    outline = cv2.convexHull(np.float32(dots).reshape(-1, 2))[:, 0]
    low = np.maximum(np.floor(outline.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(0)).astype(int) + 2, nearest.shape[::-1])
    if np.any(high <= low):
        return
    window = slice(low[1], high[1]), slice(low[0], high[0])
    mask = np.zeros(canvas[window].shape, np.uint8)
    corners = np.round(16 * (outline - low)).astype(np.int32)
    cv2.fillConvexPoly(mask, corners, (255, 255, 255), cv2.LINE_AA, shift=4)
    cloth = _cover(piece, outline - low, light, mask.shape[1::-1])
    canvas[window] += (cloth - canvas[window]) * (mask / np.float32(255))
    nearest[window][mask[..., 0] > 127] = number


# Pictures


def _extent(pieces) -> tuple[np.ndarray, np.ndarray]:
    circles = np.concatenate([piece.circles for piece in pieces])
    spots, radii = circles[:, :2], circles[:, 3:]
    return (spots - radii).min(0), (spots + radii).max(0)


def _placed(rng, at, pieces, size) -> tuple[float, np.ndarray, list[Piece]]:
    """Stature in pixels, joints (16, 2) and pieces, so that all fits in the picture."""
    low, high = _extent(pieces)
    room = (size / (high - low)).min()
    stature = min(rng.uniform(0.72, 0.98) * room, 1.1 * size.max())
    origin = rng.random(2) * (size - stature * (high - low)) - stature * low
    zoom, shift = (stature, stature, 1, stature), (*origin, 0, 0)
    pieces = [replace(piece, circles=piece.circles * zoom + shift) for piece in pieces]
    joints = np.array([at[joint][:2] for joint in MPII.joints]) * stature + origin
    return stature, joints, pieces


def _photographed(rng, size, scene) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) uint8 and the number of the nearest piece (H, W)."""
    canvas = _scenery(rng, size.tolist())
    nearest = np.zeros(canvas.shape[:2], np.int32)
    light = np.array([rng.choice((-0.55, 0.55)), -0.55, 0.63])
    for number, piece in enumerate(scene):
        paint(canvas, nearest, piece, number, light)
    canvas *= np.float32(rng.uniform(0.8, 1.1))
    canvas += 4 * rng.standard_normal((*nearest.shape, 1), np.float32)
    return np.clip(canvas, 0, 255).astype(np.uint8), nearest


def _seen(at, joints, scene, nearest) -> np.ndarray:
    """Whether the nearest piece at each joint shows it and is not far before it."""
    columns, rows = np.round(joints).astype(int).T
    owners = [scene[number] for number in nearest[rows, columns]]
    return np.array(
        [
            joint in owner.shows and at[joint][2] > owner.depth - 0.09
            for joint, owner in zip(MPII.joints, owners, strict=True)
        ]
    )


def draw_person(seed: int, index: int) -> tuple[np.ndarray, Person]:
    """Picture `index` of a seed, (H, W, 3) uint8 B, G, R, and the person in it.

    Example:
        >>> from fpd_tf.drawn.picture import draw_person
        >>> picture, person = draw_person(seed=0, index=3)
        >>> picture.dtype, person.joints.shape
        (dtype('uint8'), (16, 2))
    """
    rng = np.random.default_rng([seed, index])
    size = rng.integers(160, 257, 2)
    at, axes = pose(rng)
    stature, joints, pieces = _placed(rng, at, body(rng, at, axes), size)
    clutter = [_thing(rng, rng.random(2) * size, 60) for _ in range(rng.integers(2, 8))]
    struck = joints[rng.integers(len(joints), size=rng.choice(3, p=(0.6, 0.3, 0.1)))]
    before = [_thing(rng, joint, 0.12 * stature) for joint in struck]

    scene = [*clutter, *pieces, *before]
    picture, nearest = _photographed(rng, size, scene)
    visible = _seen(at, joints, scene, nearest)
    middle = (joints.min(0) + joints.max(0)) / 2 + stature * rng.normal(0, 0.03, 2)
    person = Person(
        joints=joints,
        visible=visible,
        annotated=rng.random(len(joints)) >= np.where(visible, 0.03, 0.12),
        center=middle - (0, 0.05 * stature),
        scale=stature / 200,
        head_box=np.concatenate(_extent(p for p in pieces if p.shows == HEAD)),
    )
    return picture, person
