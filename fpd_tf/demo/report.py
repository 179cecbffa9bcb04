"""The demo's report: one HTML page with every number, curve and picture inside it.

N people, K joints, S input size, H x W heatmap.
"""

import base64
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from fpd_tf.data.images import read_image
from fpd_tf.data.people import People
from fpd_tf.data.pipeline import make_dataset
from fpd_tf.evaluation.evaluate import Evaluation
from fpd_tf.files import written_whole
from fpd_tf.geometry import apply_matrix
from fpd_tf.inference.draw import draw_heatmaps, draw_pose
from fpd_tf.models.cost import Cost
from fpd_tf.predictors.load import load_predictor
from fpd_tf.training.recipes import RECIPES

PEOPLE_WITH_HEATMAPS = 5
BEST_PEOPLE = 2
MEDIAN_PEOPLE = 4
WORST_PEOPLE = 2
PICTURE_SIDE = 288

_JPEG = (
    *(cv2.IMWRITE_JPEG_QUALITY, 88),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
_INK = "#010203"
_STYLES = (
    {"color": "#8a93a0", "dashes": ""},
    {"color": "#d9822b", "dashes": ""},
    {"color": "#139a76", "dashes": ""},
    {"color": "#8b5fd6", "dashes": "5 3"},
)


@dataclass(frozen=True, eq=False)
class Entry:
    """One row of the demo's table.

    Args:
        name: shown in the table.
        path: its .keras or .tflite file.
        cost: of its network at its input size.
        evaluation: on the validation people.
        milliseconds: median for one image, input in memory, heatmaps out.
        history: a mapping for each epoch; empty for a file that was not trained.
        updates: in an epoch; 0 for a file that was not trained.
    """

    name: str
    path: Path
    cost: Cost
    evaluation: Evaluation
    milliseconds: float
    history: list[dict[str, str]]
    updates: int = 0


@dataclass(frozen=True)
class TrainingData:
    """What the networks of the demo were trained on, in people.

    Args:
        teacher: its people, all labelled, none of them the student's.
        labelled: of the student.
        unlabelled: of the distilled student.
        left_out: other unlabelled ones, with low scores of the teacher.
        batch_size: of both students.
        labelled_in_batch: of the distilled student.
    """

    teacher: int
    labelled: int
    unlabelled: int
    left_out: int
    batch_size: int
    labelled_in_batch: int


def write_report(
    path: str | Path, entries: Sequence[Entry], samples: People, data: TrainingData
) -> Path:
    """Writes one HTML page that needs no other file.

    Args:
        path: the page.
        entries: teacher, student alone, student distilled and its int8 file.
        samples: the validation people with head sizes that all four were scored on.
        data: what teacher and students were trained on.

    Returns:
        The page.

    Raises:
        InputError: a photograph or a network cannot be read.

    Example:
        >>> from fpd_tf.demo.job import run_demo
        >>> run_demo("small", people=300).name  # doctest: +SKIP
        'report.html'
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"signed": _signed, "quoted": shlex.quote}
    errors = [_person_errors(entry.evaluation, samples) for entry in entries[1:3]]
    page = environment.get_template("report.html.jinja").render(
        entries=entries,
        styles=_STYLES,
        columns=_columns(entries),
        charts=_charts(entries, data),
        heatmaps=_heatmap_pictures(entries, samples, errors[1]),
        skeletons=_skeleton_pictures(entries, samples, errors),
        people=len(samples),
        data=data,
        updates=entries[2].updates * len(entries[2].history),
    )
    with written_whole(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return Path(path)


def _signed(value, digits=1):
    return f"{value:+z.{digits}f}".replace("-", "\N{MINUS SIGN}")


# Table


def _columns(entries):
    """Title, values, texts, which of them is the best student's, and differences."""
    scores = [entry.evaluation.scores for entry in entries]
    percentages = {
        group: [score.groups[group] for score in scores] for group in scores[0].groups
    }
    percentages["mean"] = [score.mean for score in scores]
    percentages["AUC"] = [score.auc for score in scores]
    costs = {
        "parameters": ("{:,}", [entry.cost.parameters for entry in entries]),
        "G\u00a0ops": ("{:.2f}", [entry.cost.giga_operations for entry in entries]),
        "kB": ("{:,.0f}", [entry.path.stat().st_size / 1e3 for entry in entries]),
        "ms": ("{:.1f}", [entry.milliseconds for entry in entries]),
    }
    return [
        *(
            _column(title, "{:.1f}", values, max, _differences(values))
            for title, values in percentages.items()
        ),
        *(
            _column(title, form, values, min, ("", ""))
            for title, (form, values) in costs.items()
        ),
    ]


def _column(title, form, values, best_of, differences):
    texts = [form.format(value) for value in values]
    best = form.format(best_of(values[1:]))
    emphasised = len(set(texts[1:])) > 1
    return {
        "title": title,
        "cells": [(text, emphasised and text == best) for text in texts],
        "differences": differences,
    }


def _differences(values):
    _, alone, distilled, quantized = values
    return _signed(distilled - alone), _signed(quantized - distilled)


# Curves


def _charts(entries, data):
    """Name and SVG of each chart."""
    styled = list(zip(entries, _STYLES, strict=True))
    scored = [(entry.evaluation.scores, style) for entry, style in styled]
    found = [(100 * scores.thresholds, scores.curve, style) for scores, style in scored]
    accuracy = [(*_curve(entry, "val_mean"), style) for entry, style in styled[:3]]
    (_, alone, distilled, _), (_, of_alone, of_distilled, _) = entries, _STYLES
    updates, losses = _curve(distilled, "student_loss")
    to_labelled = data.batch_size / data.labelled_in_batch
    loss = [
        (*_curve(alone, "student_loss"), of_alone),
        (updates, [to_labelled * loss for loss in losses], of_distilled),
        (*_curve(distilled, "distillation_loss"), of_distilled | {"dashes": "2 2"}),
    ]
    metric = entries[0].evaluation.metric
    return {
        "accuracy": _chart(accuracy, "updates", f"mean {metric}, %"),
        "thresholds": _chart(found, "distance, % of head size", "joints found, %"),
        "loss": _chart(loss, "updates", "loss", y_log=True),
    }


def _curve(entry, name):
    rows = [row for row in entry.history if row.get(name)]
    updates = [entry.updates * int(row["epoch"]) for row in rows]
    return updates, [float(row[name]) for row in rows]


def _chart(lines, x_title, y_title, y_log=False):
    """An inline SVG whose text and axes take the colour of the text around it."""
    inks = ("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings = {name: _INK for name in inks}
    settings |= {"svg.fonttype": "none", "svg.hashsalt": f"{x_title} {y_title}"}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        axes = figure.subplots()
        for xs, ys, style in lines:
            dashes = [float(length) for length in style["dashes"].split()]
            line_style = (0, dashes) if dashes else "-"
            axes.plot(xs, ys, color=style["color"], lw=1.8, ls=line_style)
        axes.set(xlabel=x_title, ylabel=y_title)
        if y_log:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
        else:
            axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=_INK, alpha=0.12, lw=0.6)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    text = svg.getvalue()
    return text[text.index("<svg") :].replace(_INK, "currentColor")


# Pictures


def _person_errors(evaluation, people):
    """(N,) mean distance from the ground truth over scored joints, in head sizes."""
    scored = list(people.joint_set.scored)
    ground_truth, annotated = people.joints[:, scored], people.annotated[:, scored]
    distances = np.linalg.norm(evaluation.joints[:, scored] - ground_truth, axis=-1)
    distances /= people.head_sizes[:, None]
    return np.ma.array(distances, mask=~annotated).mean(axis=1)


def _heatmap_pictures(entries, samples, errors):
    """Rows of crop and heatmaps: ground truth, teacher, both students; best first."""
    spread = np.linspace(0, len(samples) - 1, PEOPLE_WITH_HEATMAPS).astype(int)
    chosen = np.argsort(errors)[np.unique(spread)]
    people = samples.of(samples[person] for person in chosen)
    crops = [_crop(person)[0] for person in people]
    opened = [load_predictor(entry.path) for entry in entries[:3]]
    config = replace(
        RECIPES["demo"].data, input_size=opened[0].input_size, batch_size=len(people)
    )
    images, ground_truth, _ = next(make_dataset(people, config).as_numpy_iterator())
    predicted = [predictor.heatmaps(images) for predictor in opened]
    columns = [crops] + [
        [draw_heatmaps(crop, maps) for crop, maps in zip(crops, batch, strict=True)]
        for batch in (ground_truth, *predicted)
    ]
    return [[_inline(picture) for picture in row] for row in zip(*columns, strict=True)]


def _skeleton_pictures(entries, samples, errors):
    """Some people: number, errors, pictures of ground truth and entries.

    Args:
        errors: (N,) each, of the student alone and distilled; the latter ranks them.
    """
    alone, distilled = errors
    return [
        {
            "kind": kind,
            "number": person + 1,
            "errors": (alone[person], distilled[person]),
            "pictures": _skeletons(entries, samples, person),
        }
        for kind, person in _chosen(distilled)
    ]


def _chosen(errors):
    """Kind of error and index of the people to draw, each once."""
    ranked = np.argsort(errors).tolist()
    best, others = ranked[:BEST_PEOPLE], ranked[BEST_PEOPLE:]
    worst, between = others[-WORST_PEOPLE:], others[:-WORST_PEOPLE]
    first = max(0, (len(between) - MEDIAN_PEOPLE) // 2)
    median = between[first : first + MEDIAN_PEOPLE]
    kinds = {"Smallest": best, "Median": median, "Largest": worst}
    return [(kind, person) for kind, people in kinds.items() for person in people]


def _skeletons(entries, people, person):
    sample, of = people[person], people.joint_set
    crop, matrix = _crop(sample)
    poses = [np.where(sample.annotated[:, None], sample.joints, np.nan)]
    poses += [entry.evaluation.joints[person] for entry in entries]
    places = [apply_matrix(matrix, pose) for pose in poses]
    return [_inline(draw_pose(crop, joints, joint_set=of)) for joints in places]


def _crop(sample):
    """The person's box, (PICTURE_SIDE, PICTURE_SIDE, 3), and the matrix into it."""
    matrix = sample.box.matrix(PICTURE_SIDE)
    side = (PICTURE_SIDE, PICTURE_SIDE)
    image = read_image(sample.image_path)
    return cv2.warpAffine(image, matrix, side, flags=cv2.INTER_CUBIC), matrix


def _inline(picture):
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], _JPEG)
    return "data:image/jpeg;base64," + base64.b64encode(encoded).decode()
