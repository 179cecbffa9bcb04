"""Joints of the people in many photographs, as records and drawings."""

from collections.abc import Sequence
from pathlib import Path

from fpd_tf.data.checks import keep_good
from fpd_tf.data.images import photographs_in, read_image
from fpd_tf.errors import InputError
from fpd_tf.files import check_apart
from fpd_tf.inference.draw import draw_pose
from fpd_tf.inference.drawings import drawing_paths, write_drawing
from fpd_tf.inference.estimator import PoseEstimator
from fpd_tf.inference.given import (
    Boxes,
    box_within,
    boxes_of,
    check_count,
    check_names,
    chosen_threshold,
    read_boxes,
)
from fpd_tf.progress import tracked


def predict_files(
    paths: Sequence[str | Path],
    model,
    box: Sequence[float] | None = None,
    *,
    people: int = 1,
    boxes: Boxes | str | Path | None = None,
    out: str | Path | None = None,
    threshold: float | None = None,
    on_error: str = "raise",
) -> list[dict]:
    """Finds the joints of people in photographs, and draws them if asked.

    Args:
        paths: photographs, or folders of photographs.
        model: a network, or a .keras or .tflite file.
        box: (x, y, width, height) pixels around the person, in each photograph; where
            None, the person is searched for.
        people: most people to search for in a photograph.
        boxes: for each photograph, by its path or name, boxes of its people; or a JSON
            file of them (see `read_boxes`).
        out: folder for drawings, NAME.png for each photograph, or for one photograph
            the file to draw (see `drawing_paths`); none where None.
        threshold: joints that score less are not drawn; the contract's where None.
        on_error: "raise" at the first bad photograph, or "skip" it and log how many.

    Returns:
        For each photograph {"path": ..., "joints": [[x, y, score], ...], "threshold":
        least score of a joint that is drawn}, in pixels. The joints are None if no box
        was given and nobody was found. If several people were asked for, "people" has
        the joints of each, the most confident first or in the order of the boxes, and
        "joints" those of the first.

    Raises:
        InputError: a photograph, the boxes or the model cannot be read; no photograph
            at all; two of `box`, `boxes` and `people`; a box that lies in none, or
            whose name two photographs have; a drawing would replace a photograph.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.photographs import predict_files
        >>> root = fpd.synthesize("people", count=12, seed=0)
        >>> len(predict_files([root / "images"], "student.tflite"))
        12
    """
    _check_ways(paths, box, boxes, people)
    photographs = _photographs(paths)
    check_apart(out, paths)
    drawings = drawing_paths(photographs, Path(out)) if out else {}
    boxes_file = "boxes"
    if isinstance(boxes, str | Path):
        boxes_file, boxes = boxes, read_boxes(boxes)
    check_names(photographs, boxes or {}, boxes_file)
    estimator = PoseEstimator(model)
    threshold = chosen_threshold(threshold, estimator.rules.score.threshold)
    look = {"joint_set": estimator.joint_set, "threshold": threshold}
    several = people > 1 or boxes is not None

    def predicted(photograph):
        image = read_image(photograph)
        size = image.shape[1::-1]
        squares = _squares(photograph, size, box, boxes, boxes_file)
        poses = _poses(estimator, image, squares, people)
        if out is not None:
            drawn = image
            for pose in poses:
                drawn = draw_pose(drawn, pose.joints, pose.scores, **look)
            write_drawing(drawings[photograph], drawn)
        found = [pose.rows() for pose in poses]
        record = {"path": str(photograph), "joints": found[0] if found else None}
        record |= {"people": found} if several else {}
        return record | {"threshold": threshold}

    jobs = [lambda photograph=file: predicted(photograph) for file in photographs]
    return keep_good(tracked(jobs, "predicting"), on_error, "photographs")


def _check_ways(paths, box, boxes, people):
    """One way alone to say where people are, and a list of photographs."""
    if isinstance(paths, str | Path):
        raise InputError("paths", "", "a list of photographs", repr(str(paths)))
    check_count("people", people)
    if (box is not None) + (boxes is not None) + (people > 1) > 1:
        sentence = "give one of box, boxes and a number of people above 1"
        raise InputError.plain("predict_files", "", sentence)


def _photographs(paths):
    """The files, and those in the folders."""
    photographs = [
        file
        for path in map(Path, paths)
        for file in (photographs_in(path) if path.is_dir() else [path])
    ]
    if not photographs:
        raise InputError("photographs", "", "one or more", "none")
    return photographs


def _squares(photograph, size, box, boxes, boxes_file):
    """Squares to look at; None where people are searched for."""
    if box is not None:
        return [box_within(box, *size, photograph, "box")]
    if boxes is None:
        return None
    return [
        box_within(each, *size, boxes_file, f"{photograph}: box {number}")
        for number, each in enumerate(boxes_of(photograph, boxes, boxes_file), 1)
    ]


def _poses(estimator, image, squares, people):
    if squares is not None:
        return [estimator.predict(image, square) for square in squares]
    if people > 1:
        return estimator.predict_people(image, people)
    pose = estimator.predict(image)
    return [pose] if estimator.rules.score.present(pose.scores) else []
