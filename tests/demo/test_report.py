import base64
import re
import shlex
from dataclasses import replace

import cv2
import numpy as np
import pytest
import typer

from fpd_tf.cli import app
from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import rules_for
from fpd_tf.data.people import People, Sample
from fpd_tf.demo import report
from fpd_tf.demo.report import PICTURE_SIDE, Entry, TrainingData, write_report
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import Evaluation
from fpd_tf.evaluation.metrics import Scores
from fpd_tf.geometry import Box
from fpd_tf.inference.draw import MIDDLE
from fpd_tf.joints import MPII
from fpd_tf.models.cost import Cost
from fpd_tf.predictors.predictor import heatmap_predictor

PEOPLE, HEAD, SIZE = 10, 20.0, 32
GRAY = 90
MEANS = (90.0, 70.0, 76.0, 75.5)
HISTORIES = (
    [{"epoch": "1", "student_loss": "5", "val_mean": "9"}],
    [
        {"epoch": "1", "student_loss": "4", "val_mean": ""},
        {"epoch": "2", "student_loss": "3", "val_mean": "7"},
    ],
    [
        {"epoch": "1", "student_loss": "2.5", "distillation_loss": "3.5"},
        {"epoch": "2", "student_loss": "2", "distillation_loss": "3", "val_mean": "8"},
    ],
    [],
)
UPDATES = 11, 25, 25, 0
DATA = TrainingData(
    teacher=900,
    labelled=60,
    unlabelled=530,
    left_out=10,
    batch_size=16,
    labelled_in_batch=4,
)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    drawn = [_sample(folder / f"{person}.png") for person in range(PEOPLE)]
    return People(drawn, MPII, "pckh")


def _sample(path):
    cv2.imwrite(str(path), np.full((100, 100, 3), GRAY, np.uint8))
    joints = np.random.default_rng(0).uniform(25, 55, (16, 2)).astype(np.float32)
    joints[MPII.index("head_top")] = 40, 12
    annotated = np.ones(16, bool)
    annotated[MPII.index("left_knee")] = False
    joints[~annotated] = np.nan
    return Sample(path, joints, annotated, annotated, Box(40, 40, 80), HEAD)


@pytest.fixture(scope="module")
def entries(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    names = ("<b>teacher</b>", "alone & plain", "distilled", "int8")
    return [_entry(folder, index, name, samples) for index, name in enumerate(names)]


def _entry(folder, index, name, samples):
    path = folder / ("student.tflite" if index == 3 else f"{index}.keras")
    path.write_bytes(bytes(1000 * (40, 31, 31, 12)[index]))
    cost = Cost((1_234_567, 98_765, 98_765, 98_765)[index], 210_000_000)
    milliseconds = (9.5, 4.5, 4.25, 1.75)[index]
    order = range(PEOPLE - 1, -1, -1) if index == 1 else range(PEOPLE)
    evaluation = _evaluation(MEANS[index], samples, order)
    history, updates = HISTORIES[index], UPDATES[index]
    return Entry(name, path, cost, evaluation, milliseconds, history, updates)


def _evaluation(mean, samples, order):
    """Person i is off by order[i] times (3, 4) pixels: so many quarters of a head."""
    truth = np.nan_to_num(np.stack([sample.joints for sample in samples]))
    far = np.array(order)[:, None, None] * np.array([3.0, 4.0])
    scores = Scores(
        groups={group: mean - 7 + place for place, group in enumerate(MPII.groups)},
        joints={},
        mean=mean,
        joint_mean=mean,
        auc=mean - 30.25,
        counts={},
        people=PEOPLE,
        thresholds=np.linspace(0, 0.5, 6),
        curve=np.linspace(0, mean, 6),
    )
    confidences = np.ones(truth.shape[:2])
    error = np.array([0.03, -0.02])
    return Evaluation(
        "PCKh@0.5", scores, error, truth + far, confidences, False, (1.0,)
    )


def opened(path):
    """The teacher's joints are in the middle, the distilled student's at a quarter."""
    codec = Heatmaps(SIZE, sigma=1.0)
    peak, part = {"0.keras": (1, 0.5), "2.keras": (1, 0.25)}.get(path.name, (0, 0))

    def heatmaps_of(images):
        return peak * codec.encode(np.full((len(images), 16, 2), part * (SIZE - 1)))[0]

    return heatmap_predictor(path.name, codec, MPII, rules_for(MPII), heatmaps_of)


@pytest.fixture
def predictors(monkeypatch):
    monkeypatch.setattr(report, "load_predictor", opened)


@pytest.fixture(scope="module")
def page(entries, samples, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "load_predictor", opened)
        path = tmp_path_factory.mktemp("page") / "report.html"
        assert write_report(path, entries, samples, DATA) == path
    assert list(path.parent.iterdir()) == [path]
    return path.read_text(encoding="utf-8")


def run_rows(page):
    """The table's rows: texts of the cells."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [
        [re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in rows
    ]


def run_pictures(page):
    encoded = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    files = [np.frombuffer(base64.b64decode(text), np.uint8) for text in encoded]
    return [cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1] for file in files]


def test_table_holds_every_number(page):
    head, *rows = run_rows(page)
    assert head[1:] == [
        *MPII.groups,
        "mean",
        "AUC",
        "parameters",
        "G\u00a0ops",
        "kB",
        "ms",
    ]
    assert [row[8:] for row in rows[:4]] == [
        ["90.0", "59.8", "1,234,567", "0.42", "40", "9.5"],
        ["70.0", "39.8", "98,765", "0.42", "31", "4.5"],
        ["76.0", "45.8", "98,765", "0.42", "31", "4.2"],
        ["75.5", "45.2", "98,765", "0.42", "12", "1.8"],
    ]
    assert rows[1][1:8] == ["63.0", "64.0", "65.0", "66.0", "67.0", "68.0", "69.0"]


def test_table_holds_the_differences_of_scores(page):
    *_, distilled, quantized = run_rows(page)
    assert distilled == ["distilled − alone", *["+6.0"] * 9, *[""] * 4]
    assert quantized == ["int8 − float", *["−0.5"] * 9, *[""] * 4]


def test_best_student_is_emphasised_where_students_differ(page):
    assert re.findall(r"<td><strong>(.*?)</strong>", page) == [
        *("69.0", "70.0", "71.0", "72.0", "73.0", "74.0", "75.0", "76.0", "45.8"),
        *("12", "1.8"),
    ]


def test_numbers_that_round_to_zero_have_no_minus():
    assert report._signed(-0.04) == "+0.0"
    assert report._signed(-0.06) == "−0.1"


def test_headlines_and_signed_error_are_told(page):
    assert re.findall(r"<p><strong>(.*?)</strong>", page) == [
        "+6.0 points",
        "76.0&thinsp;%",
        "−0.5 points",
    ]
    assert page.count("+0.03, −0.02") == 4


def test_names_are_escaped(page):
    assert "<b>" not in page
    assert "&lt;b&gt;teacher&lt;/b&gt;" in page
    assert "alone &amp; plain" in page


def test_page_needs_no_other_file(page):
    assert not re.search(r"<(script|link|iframe)|@import", page)
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(link.startswith(("data:", "#")) for link in links)
    assert set(re.findall(r"url\((.)", page)) <= {"#"}


def test_charts_are_inline_and_take_the_colours_of_the_page(page):
    charts = re.findall(r"<svg(?! class).*?</svg>", page, re.DOTALL)
    assert len(charts) == 3
    assert all("currentColor" in chart and report._INK not in chart for chart in charts)
    for chart, title in zip(charts, ("mean PCKh", "joints found", "loss"), strict=True):
        assert title in chart


def test_curves_count_updates_and_the_loss_is_that_of_labelled_crops(
    entries, monkeypatch
):
    monkeypatch.setattr(report, "_chart", lambda lines, *_, **__: lines)
    charts = report._charts(entries, DATA)
    assert [line[:2] for line in charts["loss"]] == [
        ([25, 50], [4.0, 3.0]),
        ([25, 50], [10.0, 8.0]),
        ([25, 50], [3.5, 3.0]),
    ]
    assert [line[:2] for line in charts["accuracy"]] == [
        ([11], [9.0]),
        ([50], [7.0]),
        ([50], [8.0]),
    ]
    assert [line[1][-1] for line in charts["thresholds"]] == list(MEANS)


def test_training_data_are_stated(page):
    text = " ".join(re.sub("<.*?>", " ", page).replace("&nbsp;", " ").split())
    for sentence in (
        "the same 50 updates: on 60 labelled images alone it finds 70.0 %",
        "heatmaps for 530 unlabelled images as well, 76.0 %",
        "900 labelled images of its own",
        "the same 60 labelled images and 530 unlabelled ones",
        "On 10 further unlabelled images its mean score was too low",
        "16 crops; 4 of the distilled student’s are labelled",
        "with 12.5 times the parameters, has 90.0",
    ):
        assert sentence in text
    widths = re.findall(r'style="width: ([\d.]+)%; background', page)
    assert widths == ["72.0", "56.0", "60.8", "60.4"]


def test_pictures_are_all_there(page):
    pictures = run_pictures(page)
    assert len(pictures) == 5 * 5 + 8 * 5
    assert {picture.shape for picture in pictures} == {(PICTURE_SIDE, PICTURE_SIDE, 3)}


def test_heatmaps_are_of_truth_teacher_and_both_students(page):
    pictures = [picture[8:, 8:].astype(int) for picture in run_pictures(page)[:5]]
    photograph, truth, teacher, alone, distilled = pictures
    middle, quarter = PICTURE_SIDE // 2, PICTURE_SIDE // 4
    for flat in (photograph, alone):
        assert np.abs(flat - GRAY).max() < 3
    assert np.ptp(teacher[middle, middle]) > 100
    assert np.ptp(teacher[20, middle]) < 10 < np.ptp(truth[42, middle])
    assert np.ptp(distilled[middle, middle]) < 10 < np.ptp(distilled[quarter, quarter])


def test_best_median_and_worst_people_are_named_with_their_errors(page):
    found = re.findall(
        r"<h3>(\w+) error</h3>no\. (\d+).*?<strong>(.*?)</strong>.*?, (.*?) alone", page
    )
    assert [(kind, int(number)) for kind, number, *_ in found] == [
        *(("Smallest", number) for number in (1, 2)),
        *(("Median", number) for number in (4, 5, 6, 7)),
        *(("Largest", number) for number in (9, 10)),
    ]
    errors = [0, 0.25, 0.75, 1, 1.25, 1.5, 2, 2.25]
    assert [float(distilled) for *_, distilled, _ in found] == errors
    assert [float(alone) for *_, alone in found] == [2.25 - error for error in errors]


def test_skeletons_lie_on_the_enlarged_crop(page, samples):
    true, teacher, *_ = run_pictures(page)[25 + 2 * 5 :]
    matrix = samples[3].box.matrix(PICTURE_SIDE)
    for picture, moved in ((true, (0, 0)), (teacher, (9, 12))):
        x, y = np.rint(matrix @ [40 + moved[0], 12 + moved[1], 1]).astype(int)
        assert np.abs(picture[y, x].astype(int) - MIDDLE).max() < 30


def test_few_people_are_each_shown_once(entries, samples, predictors, tmp_path):
    few = [
        replace(
            entry,
            evaluation=replace(entry.evaluation, joints=entry.evaluation.joints[:3]),
        )
        for entry in entries
    ]
    page = write_report(tmp_path / "few.html", few, samples[:3], DATA).read_text()
    assert len(run_pictures(page)) == 3 * 5 + 3 * 5


def test_broken_photograph_leaves_the_page_before(
    entries, samples, predictors, tmp_path
):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    last = replace(samples[-1], image_path=tmp_path / "broken.png")
    broken = samples.of([*samples[:-1], last])
    page = tmp_path / "report.html"
    page.write_text("before")
    with pytest.raises(InputError, match="broken.png"):
        write_report(page, entries, broken, DATA)
    assert page.read_text() == "before"


def test_commands_are_ones_that_fpd_knows(page):
    commands = re.findall(r"^(?:<pre>)?fpd (.*?)(?:</pre>)?$", page, re.MULTILINE)
    verbs = typer.main.get_command(app).commands
    assert len(commands) == 5
    for command in commands:
        verb, *arguments = shlex.split(command)
        verbs[verb].make_context(verb, arguments)
