"""Golden vectors: inputs and outputs of Python, which the apps must reproduce.

Small crops and heatmaps with a contract's joints and constants. K joints; the cells of
heatmaps are numbered row by row, the K values of a place together.
"""

from dataclasses import replace

import numpy as np

from fpd_tf.codec import decode_heatmaps, encode_heatmaps
from fpd_tf.contract.pose_json import Contract, as_json
from fpd_tf.contract.rules import Search
from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.inference.crop import next_region, squares, upright_matrix, view_matrix
from fpd_tf.inference.track import Track

CELLS = 16
FRAMES = 60
LEVELS = 255
SEARCHED = ((640, 480), (480, 640), (1920, 1080), (333, 250), (101, 101))


def golden_vectors(contract: Contract) -> dict:
    """Inputs and expected results of every rule of a contract, ready for JSON.

    Returns:
        "contract" with CELLS x CELLS heatmaps and unusual constants, so that a reader
        with built-in defaults fails; "decode": heatmaps -> joints, scores; "crop":
        image and view -> matrix, levels; "regions": joints -> next region; "squares":
        frame -> squares to search; "track": 60 frames in which a person appears late
        and leaves, the time goes back and stands still, the camera is rotated and the
        size of the frames changes.

    Example:
        >>> from fpd_tf.bundle.golden import golden_vectors
        >>> from fpd_tf.contract.pose_json import describe
        >>> len(golden_vectors(describe("student.tflite"))["track"])
        60
    """
    stride, random = contract.heatmaps.stride, np.random.default_rng(0)
    small = _unlike(
        replace(
            contract,
            image=replace(contract.image, size=CELLS * stride),
            heatmaps=replace(contract.heatmaps, height=CELLS, width=CELLS),
        )
    )
    return {
        "contract": as_json(small),
        "decode": [_decoded(maps, stride) for maps in _heatmaps(random, stride)],
        "crop": _crops(random),
        "regions": [_region(small, random) for _ in range(40)],
        "squares": [_squares(small, size) for size in SEARCHED],
        "track": _track(small, random),
    }


def _unlike(contract):
    """The contract with other constants, no two of them equal."""
    crop, smoothing = contract.crop, contract.smoothing
    return replace(
        contract,
        crop=replace(
            crop,
            threshold=1.2 * crop.threshold,
            body_margin=1.1 * crop.body_margin,
            torso_margin=1.2 * crop.torso_margin,
            smallest=1.1 * crop.smallest,
        ),
        search=Search(sides=(1.0, 0.6)),
        smoothing=replace(
            smoothing,
            min_cutoff=1.5 * smoothing.min_cutoff,
            beta=0.8 * smoothing.beta,
            derivative_cutoff=0.7 * smoothing.derivative_cutoff,
        ),
        score=replace(contract.score, presence=0.3),
    )


def _heatmaps(random, stride):
    """Clean Gaussians, also in corners and outside; noise; a few codes; hardly any; and
    an int8 sigmoid's levels: coarse, equal ones at the top, most of the others 0.
    """
    size = CELLS * stride
    at = random.uniform(0, size, (12, 2))
    at[:4] = [[0, 0], [size - 1, 0.4], [1.3, size - 1], [size / 2, -stride]]
    clean, _ = encode_heatmaps(at, size=CELLS, stride=stride)
    noise = random.uniform(-0.2, 1, (CELLS, CELLS, 4))
    codes = random.integers(0, 6, (CELLS, CELLS, 4)) / LEVELS
    faint = np.zeros((CELLS, CELLS, 2))
    faint[7, 5, 1] = 0.0009
    logits = np.rint(30 * clean - 15) / 2
    sigmoid = np.minimum(np.rint(256 / (1 + np.exp(-logits))), 255) / 256
    return *(each.round(4) for each in (clean, noise, codes, faint)), sigmoid


def _decoded(heatmaps, stride):
    joints, scores = decode_heatmaps(heatmaps, stride=stride)
    return {
        "heatmaps": heatmaps.ravel().tolist(),
        "joints": joints.tolist(),
        "scores": scores.tolist(),
    }


def _crops(random):
    width, height, size = 23, 17, 12
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    regions = random.uniform((3, 3, 8), (13, 13, 30), (8, 3)).tolist()
    regions.append([11.5, 8.5, 2.0 * size])  # samples lie halfway between pixels
    exact = [[4.0, 4.5, 1.8], [4.5, 3.0, 2.2], [6.5, 13.0, 1.8]]  # each rounding counts
    regions += [[x, y, factor * size] for x, y, factor in exact]
    return {
        "width": width,
        "height": height,
        "levels": image.ravel().tolist(),
        "size": size,
        "views": [
            _crop(image, size, Box(*region), 90 * (i % 4), i % 8 > 3)
            for i, region in enumerate(regions)
        ],
    }


def _crop(image, size, region, rotation, mirrored):
    height, width = image.shape[:2]
    upright, *_ = upright_matrix(width, height, rotation, mirrored)
    matrix = view_matrix(region, size, upright)
    crop = sampled(image, matrix, size)
    return {
        "rotation": rotation,
        "mirrored": mirrored,
        "region": _listed(region),
        "matrix": matrix.ravel().tolist(),
        "levels": crop.ravel().tolist(),
    }


def sampled(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """A crop as the apps make it: bilinear, black outside, halves to even levels.

    The same levels as OpenCV's `warpAffine` gives on processors with fused
    multiply-add, whatever processor this runs on.

    Args:
        image: (H, W, 3) uint8.
        matrix: (2, 3) from pixels of the image to those of the crop.
        size: S.

    Returns:
        (S, S, 3) uint8.
    """
    back = invert_matrix(matrix).astype(np.float32)
    column, row = np.arange(size, dtype=float), np.arange(size, dtype=np.float32)
    from_row = row[:, None, None] * back[:, 1] + back[:, 2]
    at = (column[:, None] * back[:, 0] + from_row).astype(np.float32)
    corner = np.floor(at)
    right, down = np.moveaxis(at - corner, -1, 0)[..., None]
    x, y = np.moveaxis(corner.astype(int) + 2, -1, 0)
    edged = np.pad(image, ((2, 2), (2, 2), (0, 0))).astype(np.float32)
    x, y = (np.clip(i, 0, n + 2) for i, n in ((x, image.shape[1]), (y, image.shape[0])))
    upper, lower = (
        _mix(edged[y + step, x], edged[y + step, x + 1], right) for step in (0, 1)
    )
    return np.rint(_mix(upper, lower, down)).astype(np.uint8)


def _mix(first, second, share):
    """`first` + `share` * (`second` - `first`) in single precision; the multiplication
    and the addition are rounded once, as in a fused multiply-add.
    """
    moved = share.astype(np.float64) * (second - first)
    return (first + moved).astype(np.float32)


def _region(contract, random):
    width, height = random.integers(200, 800, 2).tolist()
    count = len(contract.joints)
    middle, spread = random.uniform(0.2, 0.8, 2), random.uniform(0.01, 0.3)
    joints = (middle + random.uniform(-spread, spread, (count, 2))) * (width, height)
    scores = random.uniform(0, 1, count) ** random.uniform(0.1, 5)
    region = next_region(joints, scores, width, height, contract.crop)
    return {
        "width": width,
        "height": height,
        "joints": joints.tolist(),
        "scores": scores.tolist(),
        "region": _listed(region),
    }


def _squares(contract, frame):
    width, height = frame
    boxes = squares(width, height, contract.rules)
    return {"width": width, "height": height, "regions": [_listed(b) for b in boxes]}


def _listed(box):
    return [box.x, box.y, box.side]


def _track(contract, random):
    """A walking person, absent before 4 and from 25 to 28; at 40 the time goes back,
    at 43 it stands still, at 50 the camera is rotated, at 54 and 57 frames get smaller.
    """
    size, stride = contract.image.size, contract.heatmaps.stride
    track = Track(size, contract.rules)
    body = random.uniform((140, 120), (240, 340), (len(contract.joints), 2))
    frames = []
    for frame in range(FRAMES):
        seconds = (42 if frame == 43 else frame) / 30 - (0.5 if frame >= 40 else 0)
        rotation, mirrored = (0, False) if frame < 50 else (90, True)
        width, height = 640 if frame < 57 else 600, 480 if frame < 54 else 440
        view = track.view(width, height, rotation, mirrored)
        walking = body + (3 * frame, 40 * np.sin(frame / 5))
        away = frame < 4 or 25 <= frame < 29
        sure = random.uniform(0.02, 1, len(body)) * (not away)
        heatmaps = _codes(view, walking, sure, contract, random)
        found = decode_heatmaps(heatmaps.astype(np.float32) / LEVELS, stride=stride)
        pose = track.update(*found, view, seconds)
        cells = np.flatnonzero(heatmaps)
        frames.append(
            {
                "width": width,
                "height": height,
                "rotation": rotation,
                "mirrored": mirrored,
                "seconds": seconds,
                "cells": cells.tolist(),
                "codes": heatmaps.ravel()[cells].tolist(),
                "region": _listed(view.region),
                "matrix": view.matrix.ravel().tolist(),
                "joints": None if pose is None else pose.joints.tolist(),
                "scores": None if pose is None else pose.scores.tolist(),
            }
        )
    return frames


def _codes(view, joints, sure, contract, random):
    """(CELLS, CELLS, K) levels of an unsteady network's heatmaps."""
    size, stride = contract.image.size, contract.heatmaps.stride
    at = apply_matrix(view.region.matrix(size), joints)
    at += random.normal(0, 0.4, at.shape)
    heatmaps, _ = encode_heatmaps(at, size=CELLS, sigma=1.0, stride=stride)
    codes = np.rint(LEVELS * sure * heatmaps).astype(int)
    return np.where(codes < 4, 0, codes)
