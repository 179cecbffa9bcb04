"""A posed, dressed person as pieces of cloth in 3D, to be painted by `picture`.

A skeleton in three dimensions is posed and turned; every piece of the body is the hull
of a few circles. Axes of the body: x to the person's left, y down, z forward. Axes of
the picture: x right, y down, z towards the viewer; unturned, a person faces the viewer.
Lengths are in statures (1 = the height of the person standing), colours B, G, R.
"""

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

SIDES = (("right", 1), ("left", -1))
LEFT_TONE = 0.55
HEAD = ("upper_neck", "head_top")
TRUNK = ("thorax", "right_shoulder", "left_shoulder", "pelvis", "right_hip", "left_hip")
SKINS = ((170, 198, 236), (135, 172, 222), (90, 130, 190), (50, 75, 120))
HAIRS = ((25, 22, 25), (28, 40, 62), (40, 80, 150), (70, 170, 235), (165, 165, 170))
WEAVES = ("plain", "rings", "stripes", "checks", "speckled")
PATCH = (48, 24)


@dataclass(frozen=True, eq=False)
class Piece:
    """The hull of circles (n, 4) of x, y, z, radius, covered with one cloth.

    The cloth's rows run from the first circle to the last. `shows` names the joints
    seen where this piece is the nearest; `lift` moves it in the painting order.
    """

    cloth: np.ndarray
    circles: np.ndarray
    shows: tuple[str, ...] = ()
    lift: float = 0.0

    @property
    def depth(self) -> float:
        return float(self.circles[:, 2].mean())


# Skeleton


def _turn(axes: str, *degrees: float) -> np.ndarray:
    return Rotation.from_euler(axes, degrees, degrees=True).as_matrix().reshape(3, 3)


def _spine(rng, wild, width) -> tuple[dict, dict]:
    lean = rng.uniform(-180, 180) if rng.random() < 0.12 else rng.normal(0, 9)
    facing = rng.normal(180 * (rng.random() < 0.35), 35)
    body = _turn("ZYX", lean, facing, wild * rng.normal(0, 12))
    chest = body @ _turn("ZYX", *(wild * rng.normal(0, 10, 3)))
    head = chest @ _turn("ZYX", *rng.normal(0, (9, 22, 9)))
    at = {"pelvis": np.zeros(3)}
    at["thorax"] = -0.13 * rng.uniform(0.9, 1.15) * (body[:, 1] + chest[:, 1])
    at["upper_neck"] = at["thorax"] - 0.045 * chest[:, 1]
    at["head_top"] = at["upper_neck"] - 0.165 * rng.uniform(0.9, 1.1) * head[:, 1]
    for side, out in SIDES:
        collarbone = 0.02 * chest[:, 1] - 0.1 * out * width * chest[:, 0]
        at[f"{side}_shoulder"] = at["thorax"] + collarbone
        at[f"{side}_hip"] = at["pelvis"] - 0.055 * out * width * body[:, 0]
    return at, {"body": body, "chest": chest, "head": head}


def _limb(start, axes, swing, bend, length) -> tuple[np.ndarray, ...]:
    """Middle and end of a limb of two bones, and the axes of the second."""
    upper = axes @ _turn("ZXY", *swing)
    lower = upper @ _turn("X", bend)
    middle = start + length * upper[:, 1]
    return middle, middle + length * lower[:, 1], lower


def pose(rng: np.random.Generator) -> tuple[dict, dict]:
    """Joint -> (3,) point in statures; piece of the body -> its (3, 3) axes."""
    wild = rng.uniform(0.2, 1)
    at, axes = _spine(rng, wild, rng.uniform(0.87, 1.15))
    arm, leg = (0.157, 0.24) * rng.uniform(0.9, 1.1, 2)
    for side, out in SIDES:
        outward = out * (8 + wild * rng.uniform(-10, 140))
        swing = outward, wild * rng.uniform(-45, 110), rng.uniform(-50, 50)
        bend = 8 + wild * rng.uniform(0, 125)
        at[f"{side}_elbow"], at[f"{side}_wrist"], axes[f"{side}_hand"] = _limb(
            at[f"{side}_shoulder"], axes["chest"], swing, bend, arm
        )
        outward = out * (3 + wild * rng.uniform(-6, 38))
        swing = outward, wild * rng.uniform(-30, 85), rng.uniform(-15, 15)
        bend = -wild * rng.uniform(0, 110)
        at[f"{side}_knee"], at[f"{side}_ankle"], axes[f"{side}_foot"] = _limb(
            at[f"{side}_hip"], axes["body"], swing, bend, leg
        )
    return at, axes


# Clothes


def colour(rng, saturation=(0.15, 0.9), value=(0.25, 1)) -> np.ndarray:
    """B, G, R of any hue: float32 (3,) in 0..255."""
    hsv = rng.random(), rng.uniform(*saturation), rng.uniform(*value)
    return 255 * np.float32(colorsys.hsv_to_rgb(*hsv)[::-1])


def one_of(rng, colours) -> np.ndarray:
    """Plain cloth of one of the colours, a little lighter or darker."""
    return _plain(np.float32(rng.choice(colours)) * rng.uniform(0.9, 1.05))


def _plain(bgr) -> np.ndarray:
    return np.full((*PATCH, 3), bgr, np.float32)


def woven(rng, colours, shape=PATCH, period=(4, 10)) -> np.ndarray:
    """Cloth of two colours: float32 (*shape, 3)."""
    weave, width = rng.choice(WEAVES), rng.integers(*period)
    rows, columns = (np.arange(length) // width % 2 for length in shape)
    mix = np.zeros(shape, np.float32)
    if weave == "speckled":
        mix = rng.random(shape, np.float32) ** 3
    if weave in ("rings", "checks"):
        mix += rows[:, None]
    if weave in ("stripes", "checks"):
        mix = np.abs(mix - np.float32(columns))
    return colours[0] + (colours[1] - colours[0]) * mix[..., None]


def garment(rng) -> np.ndarray:
    """Cloth of any weave and colours: (*PATCH, 3)."""
    return woven(rng, (colour(rng), colour(rng)))


# Body


def _piece(cloth, shows, *balls, lift=0.0) -> Piece:
    circles = np.array([(*point, radius) for point, radius in balls])
    return Piece(cloth, circles, shows, lift)


def _arm(at, axes, side, skin, sleeve, short, build) -> Iterator[Piece]:
    names = [f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist")]
    shoulder, elbow, wrist = (at[name] for name in names)
    cloth, wide = (skin, build) if short else (sleeve, 1.15 * build)
    yield _piece(cloth, names[:2], (shoulder, 0.04 * wide), (elbow, 0.032 * wide))
    yield _piece(cloth, names[1:], (elbow, 0.031 * wide), (wrist, 0.022 * wide))
    palm = wrist + 0.035 * axes[f"{side}_hand"][:, 1]
    yield _piece(skin, names[2:], (wrist, 0.02 * build), (palm, 0.026), lift=-0.004)
    if short:
        cuff = shoulder + 0.6 * (elbow - shoulder)
        balls = (shoulder, 0.046 * build), (cuff, 0.045 * build)
        yield _piece(sleeve, names[:1], *balls, lift=0.04)


def _leg(at, axes, side, skin, cloth, short, shoe, build) -> Iterator[Piece]:
    names = [f"{side}_{joint}" for joint in ("hip", "knee", "ankle")]
    hip, knee, ankle = (at[name] for name in names)
    fabric, wide = (skin, build) if short else (cloth, 1.1 * build)
    upper = (*names[:2], "pelvis")
    yield _piece(fabric, upper, (hip, 0.062 * wide), (knee, 0.042 * wide))
    yield _piece(fabric, names[1:], (knee, 0.042 * wide), (ankle, 0.028 * wide))
    down, ahead = axes[f"{side}_foot"][:, 1:].T
    heel, toe = ankle + 0.025 * down - 0.01 * ahead, ankle + 0.04 * down + 0.08 * ahead
    yield _piece(shoe, names[2:], (ankle, 0.026), (heel, 0.03), (toe, 0.022), lift=0.01)
    if short:
        hem = hip + 0.7 * (knee - hip)
        balls = (hip, 0.066 * build), (hem, 0.062 * build)
        yield _piece(cloth, names[:1], *balls, lift=0.045)


def _trunk(at, axes, skin, shirt, trousers, build) -> Iterator[Piece]:
    thorax, *shoulders, pelvis, right, left = (at[joint] for joint in TRUNK)
    up, across, front = thorax - pelvis, *axes["chest"][:, ::2].T
    balls = [(0.85 * shoulder + 0.15 * thorax, 0.05 * build) for shoulder in shoulders]
    balls += [(hip + 0.15 * up, 0.05 * build) for hip in (right, left)]
    yield _piece(shirt, TRUNK, (thorax, 0.045), *balls, (pelvis, 0.05), lift=-0.05)
    hips = (right, 0.06 * build), (left, 0.06 * build)
    waist = pelvis + 0.12 * up, 0.055 * build
    yield _piece(trousers, TRUNK[3:], waist, *hips, lift=-0.04)
    collar = thorax - 0.03 * up + 0.05 * front
    tip = thorax - 0.2 * up + 0.07 * front, 0.008
    ends = [(collar + sign * 0.035 * across, 0.012) for sign in (-1, 1)]
    yield _piece(skin, TRUNK[:1], *ends, tip)


def _head(at, axes, skin, hair, long_hair) -> Iterator[Piece]:
    neck, up = at["upper_neck"], at["head_top"] - at["upper_neck"]
    size = np.linalg.norm(up)
    left, ahead = size * axes["head"][:, ::2].T

    def ball(radius, high, forward=0.0, aside=0.0):
        return neck + high * up + forward * ahead + aside * left, radius * size

    def piece(cloth, *balls, lift=0.0):
        return _piece(cloth, HEAD, *balls, lift=lift)

    throat = ball(0.2, 0.3)
    yield _piece(skin, ("thorax", "upper_neck"), (at["thorax"], 0.035), throat)
    yield piece(hair, ball(0.43, 0.6, -0.02), ball(0.36, 0.42, -0.12), lift=0.001)
    if long_hair:
        locks = ball(0.42, 0.5, -0.15), ball(0.3, -0.15, -0.2)
        yield _piece(hair, HEAD[:1], *locks)
    yield piece(skin, ball(0.3, 0.4, 0.14), ball(0.21, 0.22, 0.12), lift=0.01)
    for aside in (-0.4, 0.4):
        yield piece(0.9 * skin, ball(0.08, 0.42, 0, aside))
    for aside in (-0.13, 0.13):
        yield piece(_plain(245), ball(0.06, 0.46, 0.34, aside), lift=0.001)
        yield piece(_plain(30), ball(0.042, 0.46, 0.38, aside))
    yield piece(0.75 * skin, ball(0.02, 0.4, 0.4), ball(0.04, 0.32, 0.45))
    lips = (ball(0.03, 0.18, 0.36, aside) for aside in (-0.08, 0.08))
    yield piece(_plain((70, 60, 150)), *lips)


def body(rng: np.random.Generator, at: dict, axes: dict) -> list[Piece]:
    """A dressed person, far to near; clothes are darker on the left limbs."""
    skin, hair, shoe = one_of(rng, SKINS), one_of(rng, HAIRS), _plain(colour(rng))
    shirt, trousers, build = garment(rng), garment(rng), rng.uniform(0.85, 1.25)
    short_sleeves, shorts, long_hair = rng.random(3) < 0.45
    pieces = [*_trunk(at, axes, skin, shirt, trousers, build)]
    pieces += _head(at, axes, skin, hair, long_hair)
    for side, tone in (("right", 1), ("left", LEFT_TONE)):
        pieces += _arm(at, axes, side, skin, tone * shirt, short_sleeves, build)
        cloth, shoes = tone * trousers, tone * shoe
        pieces += _leg(at, axes, side, skin, cloth, shorts, shoes, build)
    return sorted(pieces, key=lambda piece: piece.depth + piece.lift)
