"""What searching is worth in a video: people of LSP-extended on larger frames.

    python -m studies.following tflite/models/pose-small.int8.tflite lspet --people 60

Each person stands still for 24 frames of 640 x 480 before another photograph, blurred.
Followed by the file's own rules, and by a look at the whole frame whenever nobody is
followed, as apps do that search nothing; beside the person's box given. PCK@0.2 over
the 12 limb joints; a frame without an answer counts as missed.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.contract.rules import Search
from fpd_tf.data.images import read_image
from fpd_tf.data.people import People, Sample
from fpd_tf.geometry import Box, apply_matrix
from fpd_tf.inference.track import Tracker
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Predictor
from studies.study import limb_mean, lspet

WIDTH, HEIGHT, FRAMES = 640, 480, 24
SHARES = (0.9, 0.6, 0.4, 0.25)
SHOWN = (1, 8, 24)
BLUR = 25.0


def main(
    model: Path,
    root: Path,
    people: Annotated[int, typer.Option(help="How many, the first ones.")] = 60,
):
    """Scores each share of the frame's height that a person fills."""
    searching = load_predictor(model)
    rules = searching.rules
    score = replace(rules.score, presence=0.0)
    whole = replace(rules, search=Search(sides=(1.0,)), score=score)
    ways = {"searched": searching, "whole frame": replace(searching, rules=whole)}
    _, held_out = lspet(root)
    numbered = [f"frame {number}" for number in SHOWN]
    table = Table("height", "", *numbered, "box given", title=model.name)
    for share in SHARES:
        scenes = [
            scene(person, held_out[-1 - number], share)
            for number, person in enumerate(held_out[:people])
        ]
        given = limbs(scenes, [boxed(searching, *each) for each in scenes])
        for name, predictor in ways.items():
            found = np.stack([followed(predictor, frame) for frame, _ in scenes])
            at = [limbs(scenes, found[:, number - 1]) for number in SHOWN]
            cells = [f"{each:.1f}" for each in (*at, given)]
            table.add_row(f"{share:.0%}", name, *cells)
    Console().print(table)


def scene(person: Sample, behind: Sample, share: float) -> tuple[np.ndarray, Sample]:
    """A frame with a person of a share of its height, and the person in its pixels."""
    place = np.random.default_rng(int(person.box.x)).uniform(size=2)
    known = person.joints[person.annotated]
    zoom = share * HEIGHT / np.ptp(known, axis=0).max()
    half = person.box.side * zoom / 2
    low = np.minimum((half, half), (WIDTH / 2, HEIGHT / 2))
    x, y = low + place * ((WIDTH, HEIGHT) - 2 * low)
    box = Box(float(x), float(y), 2 * half)
    matrix = np.array(
        [[zoom, 0, x - zoom * person.box.x], [0, zoom, y - zoom * person.box.y]]
    )
    size = (WIDTH, HEIGHT)
    smooth = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    image = read_image(person.photograph)
    mask = cv2.warpAffine(np.ones(image.shape[:2], np.float32), matrix, size)
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    mask *= (np.abs(columns - x) < half) & (np.abs(rows - y) < half)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    background = cv2.GaussianBlur(
        cv2.resize(read_image(behind.photograph), size), (0, 0), BLUR
    )
    shown = cv2.warpAffine(image, matrix, size, flags=smooth)
    frame = (mask * shown + (1 - mask) * background).astype(np.uint8)
    joints = apply_matrix(matrix, person.joints).astype(np.float32)
    return frame, replace(person, joints=joints, box=box)


def followed(predictor: Predictor, frame: np.ndarray) -> np.ndarray:
    """(FRAMES, K, 2) joints, far away where there is no answer."""
    tracker = Tracker(predictor)
    poses = [tracker.update(frame, number / 30) for number in range(FRAMES)]
    far = np.full((predictor.joint_set.num_joints, 2), -1e6)
    return np.stack([far if pose is None else pose.joints for pose in poses])


def boxed(predictor: Predictor, frame: np.ndarray, person: Sample) -> np.ndarray:
    """(K, 2) joints of the person in its box."""
    return fpd.PoseEstimator(predictor).predict(frame, person.box).joints


def limbs(scenes: list, found: list | np.ndarray) -> float:
    """PCK@0.2 of limb joints; people without a torso are left out."""
    people = People([person for _, person in scenes], fpd.LSP)
    return limb_mean(fpd.pck(np.array(found), people.joints, people.annotated))


if __name__ == "__main__":
    typer.run(main)
