"""How well the mean score tells somebody from nobody, and the gate that follows.

    python -m studies.presence tflite/models/pose-small.int8.tflite lspet coco-sample

Somebody: the people of LSP-extended to validate and those of COCO, given their box,
whose joints are mostly right (PCK@0.2 over each one's labels above a half). Nobody:
squares of their photographs that hold no part of a person's box. LSP-extended labels
one person a photograph, and other people stand around some: there a look is no
mistake. The gate is the highest that keeps 98 of 100 poses of either; `--write` puts it
into pose.json.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.contract.pose_json import contract_path, read_contract, write_contract
from fpd_tf.data.images import read_image
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.evaluation.metrics import distances, lengths_between
from fpd_tf.geometry import Box, apply_matrix, invert_matrix
from fpd_tf.inference.estimator import look
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Predictor
from studies.study import lspet

GATES = np.round(np.arange(0.04, 0.62, 0.02), 2)
KEPT = 98.0
SMALLEST, TRIES, MOST = 48, 200, 4


def main(
    model: Path,
    root: Annotated[Path, typer.Argument(help="LSP-extended.")],
    coco: Annotated[Path, typer.Argument(help="COCO val2017, or a part of it.")],
    write: Annotated[bool, typer.Option(help="Put the gate into pose.json.")] = False,
):
    """Prints for each gate which poses and empty squares pass it, and the gate."""
    predictor = load_predictor(model)
    _, held_out = lspet(root)
    poses, athletes = of_people(predictor, held_out)
    if not len(poses):
        raise InputError.plain(model, "", "none of its poses is mostly right: no gate")
    others, _ = of_people(predictor, fpd.load_coco(coco, "val"))
    everyday = of_photographs(predictor, coco)
    heads = (
        f"{len(poses)} good poses of LSP-extended kept, %",
        f"{len(others)} of COCO, %",
        f"{len(athletes)} squares of LSP-extended refused, %",
        f"{len(everyday)} of COCO refused, %",
    )
    table = Table("gate", *heads, title=model.name)
    for gate in GATES:
        kept = [100 * np.mean(scores >= gate) for scores in (poses, others)]
        refused = [100 * np.mean(scores < gate) for scores in (athletes, everyday)]
        table.add_row(f"{gate:.2f}", *(f"{each:.1f}" for each in (*kept, *refused)))
    Console().print(table)
    gate = min(gate_of(scores) for scores in (poses, others) if len(scores))
    print(f"score.presence: {gate:.2f}")
    if write:
        path = contract_path(model)
        contract = read_contract(path)
        score = replace(contract.score, presence=gate)
        write_contract(path, replace(contract, score=score))


def gate_of(poses: np.ndarray) -> float:
    """The highest gate of two digits that keeps enough of the poses' mean scores."""
    return float(np.floor(np.percentile(poses, 100 - KEPT, method="lower") * 100) / 100)


def of_people(predictor: Predictor, people: People) -> tuple[np.ndarray, np.ndarray]:
    """Mean scores of poses that are mostly right, and of squares beside the people."""
    of, own = people.joint_set, predictor.joint_set
    both = [name for name in own.joints if name in of.joints]
    theirs, ours = ([each.index(name) for name in both] for each in (of, own))
    ends = (of.index(name) for name in ("left_shoulder", "right_hip"))
    reach = 0.2 * lengths_between(people.joints, people.annotated, *ends)
    poses, empty = [], []
    for person, pixels in zip(people, reach, strict=True):
        image = read_image(person.photograph)
        joints, mean = _looked(predictor, image, person.box)
        known = person.annotated[theirs]
        pairs = joints[None, ours], person.joints[None, theirs], known[None]
        found = distances(*pairs)[0][known] <= pixels
        if len(found) and np.mean(found) > 0.5:
            poses.append(mean)
        squares = empty_squares(image, [person.box.rectangle])
        empty += [_looked(predictor, image, square)[1] for square in squares]
    return np.array(poses), np.array(empty)


def of_photographs(predictor: Predictor, root: Path) -> np.ndarray:
    """Mean scores of squares beside the people of COCO's photographs."""
    path = root / "annotations" / "person_keypoints_val2017.json"
    content, means = json.loads(path.read_text()), []
    for photograph in content["images"]:
        number = photograph["id"]
        people = [a for a in content["annotations"] if a["image_id"] == number]
        image = read_image(root / "val2017" / photograph["file_name"])
        squares = empty_squares(image, [person["bbox"] for person in people])
        means += [_looked(predictor, image, square)[1] for square in squares]
    return np.array(means)


def empty_squares(image: np.ndarray, people: list) -> list[Box]:
    """Up to MOST random squares of a photograph that touch nobody's x, y, w, h."""
    height, width = image.shape[:2]
    random, found = np.random.default_rng(width * height), []
    for side in random.uniform(SMALLEST, max(width, height), TRIES):
        if side > min(width, height) or len(found) == MOST:
            continue
        left, top = random.uniform((0, 0), (width - side, height - side))
        if not any(
            x < left + side and left < x + w and y < top + side and top < y + h
            for x, y, w, h in people
        ):
            found.append(Box.around((left, top, side, side)))
    return found


def _looked(predictor, image, box):
    """Joints in pixels of the image, and their mean score."""
    matrix = box.matrix(predictor.input_size)
    joints, scores = look(predictor, image, matrix)
    return apply_matrix(invert_matrix(matrix), joints), float(scores.mean())


if __name__ == "__main__":
    typer.run(main)
