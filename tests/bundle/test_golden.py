import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fpd_tf.bundle.golden import golden_vectors, sampled
from fpd_tf.codec import decode_heatmaps
from fpd_tf.contract.pose_json import Contract, Image, ModelFile, Output, crop_rule
from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.joints import LSP

CONTRACT = Contract(
    version=1,
    model=ModelFile("student.tflite", "0" * 64, "float32"),
    image=Image("image", "float32", 256),
    heatmaps=Output("heatmaps", "float32", 64, 64, 4),
    joints=LSP.joints,
    flip_pairs=LSP.flip_pairs,
    limbs=LSP.limbs,
    crop=crop_rule(LSP),
)
CPU_FMA3 = 12
FUSED = cv2.checkHardwareSupport(CPU_FMA3)


@pytest.fixture(scope="module")
def golden():
    return golden_vectors(CONTRACT)


def test_they_are_the_same_each_time_and_fit_json(golden):
    assert json.loads(json.dumps(golden)) == json.loads(
        json.dumps(golden_vectors(CONTRACT))
    )


def test_they_hang_on_the_contracts_constants(golden):
    quick = replace(CONTRACT.smoothing, beta=1000.0)
    other = golden_vectors(replace(CONTRACT, smoothing=quick))
    assert other["track"] != golden["track"] and other["decode"] == golden["decode"]


def test_heatmaps_decode_to_their_joints(golden):
    assert len(golden["decode"]) == 5
    for case in golden["decode"]:
        heatmaps = np.reshape(case["heatmaps"], (16, 16, -1))
        joints, scores = decode_heatmaps(heatmaps)
        np.testing.assert_allclose(case["joints"], joints, atol=1e-4)
        np.testing.assert_allclose(case["scores"], scores, atol=1e-6)


def test_an_int8_sigmoid_is_among_them(golden):
    """Cells of equal height at the top, and values below the floor around."""
    levels = np.reshape(golden["decode"][-1]["heatmaps"], (256, -1)) * 256
    assert (levels == levels.round()).all() and levels.max() == 255
    assert ((levels == 255).sum(axis=0) > 1).any() and (levels == 0).any()


@pytest.mark.parametrize("rotation", [0.0, 90.0, 25.0])
def test_crops_are_those_of_opencv(rotation):
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    boxes = Box(59.5, 44.5, 120), Box(10.2, 80.7, 62), Box(60, 40, 512)
    halfway = Box(40.5, 33, 0.6 * 128)  # levels that hang on one rounding in a mix
    for box in (*boxes, halfway):
        matrix = box.matrix(128, rotation)
        expected = cv2.warpAffine(image, matrix, (128, 128), flags=cv2.INTER_LINEAR)
        difference = np.abs(sampled(image, matrix, 128).astype(int) - expected)
        assert difference.max() <= 1
        assert (difference > 0).mean() <= (0 if FUSED else 0.02)


def test_golden_crops_are_samples_of_their_image(golden):
    crop = golden["crop"]
    image = np.reshape(crop["levels"], (crop["height"], crop["width"], 3))
    assert len(crop["views"]) == 12
    for view in crop["views"]:
        matrix = np.reshape(view["matrix"], (2, 3))
        levels = sampled(image.astype(np.uint8), matrix, crop["size"])
        assert view["levels"] == levels.ravel().tolist()
    back = invert_matrix(np.reshape(crop["views"][8]["matrix"], (2, 3)))
    assert apply_matrix(back, np.zeros((1, 2))).tolist() == [[0.5, -2.5]]


@pytest.mark.parametrize("number", [9, 10, 11])
def test_golden_crops_have_levels_that_hang_on_single_precision(golden, number):
    """In doubles its samples lie exactly halfway between two levels, or not quite."""
    crop = golden["crop"]
    image = np.reshape(crop["levels"], (crop["height"], crop["width"], 3))
    view = crop["views"][number]
    a, b, c, d, e, f = invert_matrix(np.reshape(view["matrix"], (2, 3))).ravel()
    row, column = np.mgrid[: crop["size"], : crop["size"]]
    at = a * column + b * row + c, d * column + e * row + f
    (x, y), (right, down) = np.floor(at).astype(int), np.mod(at, 1)[..., None]
    edged = np.pad(image, ((20, 20), (20, 20), (0, 0))).astype(float)
    corners = [edged[y + i + 20, x + j + 20] for i in (0, 1) for j in (0, 1)]
    upper, lower = (p + right * (q - p) for p, q in (corners[:2], corners[2:]))
    levels = np.rint(upper + down * (lower - upper)).ravel()
    assert 0 < (levels != view["levels"]).sum() < 20


def rounded_twice(first, second, share):
    return first + share * (second - first)


def test_golden_crops_have_levels_that_hang_on_one_rounding(golden, monkeypatch):
    crop = golden["crop"]
    image = np.reshape(crop["levels"], (crop["height"], crop["width"], 3))
    monkeypatch.setattr("fpd_tf.bundle.golden._mix", rounded_twice)
    matrix = np.reshape(crop["views"][11]["matrix"], (2, 3))
    levels = sampled(image.astype(np.uint8), matrix, crop["size"])
    assert (levels.ravel() != crop["views"][11]["levels"]).sum() == 3


def test_the_track_has_a_person_who_comes_and_leaves_and_a_time_that_goes_back(golden):
    track = golden["track"]
    seconds = np.array([frame["seconds"] for frame in track])
    assert len(track) == 60 and (np.diff(seconds) < 0).sum() == 1
    assert np.flatnonzero(np.diff(seconds) == 0) == [42]
    away = [number for number, frame in enumerate(track) if frame["joints"] is None]
    assert {0, 1, 2, 3, 25, 26, 27, 28} <= set(away) and len(away) < 20
    assert not {39, 40, 42, 43} & set(away)
    searched = golden["squares"][0]["regions"]
    assert [frame["region"] for frame in track[:4]] == searched[:4]
    assert track[31]["region"] not in searched
    assert track[50]["rotation"] == 90 and track[50]["region"][2] == 640
    assert all(track[frame - 1]["region"] not in searched for frame in (50, 54, 57))
    assert [track[frame]["region"][2] for frame in (54, 57)] == [640, 600]
    still = [frame["scores"].count(0) for frame in track if frame["scores"]]
    assert min(still) == 0


def test_squares_are_of_three_sizes(golden):
    sides = {region[2] for region in golden["squares"][0]["regions"]}
    assert sides == {640, 384}


def test_no_constant_is_a_default_that_a_reader_could_know(golden):
    """But the decoding's, which every contract shares."""
    rules = Contract(**{**vars(CONTRACT), **golden["contract"]}).rules
    for part in ("crop", "smoothing"):
        ours, known = getattr(rules, part), getattr(CONTRACT.rules, part)
        numbers = [value for value in vars(ours).values() if isinstance(value, float)]
        assert len(set(numbers)) == len(numbers) > 2
        assert not set(numbers) & set(vars(known).values())
    assert rules.score.presence not in (rules.score.threshold, 0.2)
    assert not {0.75, 0.5} & set(rules.search.sides)


def test_regions_are_both_found_and_not_found(golden):
    whole = [
        region["region"][2] == max(region["width"], region["height"])
        for region in golden["regions"]
    ]
    assert 5 < sum(whole) < 35
