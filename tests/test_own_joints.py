"""Photographs and joints of one's own, from a json to an app, by commands alone."""

import csv
import json
import shutil
import subprocess

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from fpd_tf.cli.options import Data, Source
from fpd_tf.data import coco
from fpd_tf.data.coco_json import read_coco
from fpd_tf.inference.video_writer import video_written
from fpd_tf.joints import JointSet
from fpd_tf.models.keras_file import named_network, save_network

JOINTS = ("LHand", "RHand", "LFoot", "RFoot", "Head", "Tail")
COLOURS = np.uint8(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255]]
)
FIGURE = np.array([[20, 20], [60, 22], [22, 70], [62, 68], [40, 12], [40, 45]])
TINY = (
    *("preset=hourglass_2x64", "model.num_stacks=1", "model.num_features=8"),
    *("model.depth=1", "model.stem_width=8", "epochs=1", "data.input_size=32"),
    *("data.sigma=1.0", "data.batch_size=10"),
)


def drawn(joints, width, height):
    """A dot of its own colour at each joint."""
    picture = np.full((height, width, 3), 60, np.uint8)
    for (x, y), color in zip(joints, COLOURS, strict=True):
        cv2.circle(picture, (round(x), round(y)), 4, color.tolist(), -1)
    return picture


@pytest.fixture
def colour_finder(tmp_path):
    """A network that finds the six joints by their colours, without any training."""
    colours = COLOURS.astype(np.float32) / 255
    image = keras.Input((64, 64, 3), name="image")
    cells = keras.layers.Conv2D(6, 4, 4, activation="relu", name="colours")
    network = keras.Model(image, cells(image), name="colour_finder")
    kernel = np.broadcast_to((2 * colours - 1).T / 16, (4, 4, 3, 6))
    cells.set_weights([kernel, 1 - colours.sum(axis=1)])
    path = tmp_path / "finder.keras"
    save_network(named_network(network, JointSet("figure", JOINTS)), path)
    return path


def save(picture, folder, number):
    """Each third as a phone stores it: on its side, with the tag that says so."""
    if number % 3:
        path, stored, how = folder / f"frame_{number:06d}.png", picture, {}
    else:
        path, stored = folder / f"frame_{number:06d}.jpg", np.rot90(picture)
        how = {"exif": Image.Exif(), "quality": 95, "subsampling": 0}
        how["exif"][0x0112] = 6
    Image.fromarray(stored).save(path, **how)
    return path.name


def write_figures(root, places, flags):
    """Pictures of six dots, 90 x 110, labelled as CVAT exports a skeleton."""
    images, annotations = [], []
    folder = root / "images" / "default"
    folder.mkdir(parents=True)
    for number, (at, known) in enumerate(zip(places, flags, strict=True), 1):
        name = save(drawn(at, 90, 110), folder, number)
        low, extent = at.min(axis=0), np.ptp(at, axis=0)
        keypoints = np.column_stack([at * (known > 0)[:, None], known])
        images.append(
            {
                "id": number,
                "width": 90,
                "height": 110,
                "file_name": name,
                "license": 0,
                "flickr_url": "",
                "coco_url": "",
                "date_captured": 0,
            }
        )
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "segmentation": [],
                "area": float(extent.prod()),
                "bbox": [*low.tolist(), *extent.tolist()],
                "iscrowd": 0,
                "attributes": {"occluded": False, "keyframe": False},
                "keypoints": keypoints.ravel().tolist(),
                "num_keypoints": int((known > 0).sum()),
            }
        )
    category = {"id": 1, "name": "figure", "supercategory": ""}
    category |= {"keypoints": [*JOINTS], "skeleton": [[5, 1], [5, 2], [6, 3], [6, 4]]}
    content = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "description": "", "version": ""},
        "categories": [category],
        "images": images,
        "annotations": annotations,
    }
    path = root / "annotations" / "person_keypoints_default.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))


@pytest.fixture
def figures(tmp_path):
    """290 of them, some labels missing."""
    random = np.random.default_rng(0)
    places = random.uniform(15, 75, (290, 6, 2)).round(2)
    write_figures(tmp_path, places, np.where(random.random((290, 6)) < 0.1, 0, 2))
    return tmp_path


@pytest.fixture
def fpd(run_fpd):
    def run(*arguments):
        status, said, error = run_fpd(*arguments)
        assert status == 0, f"{arguments}: {error}"
        return said + error

    return run


def everything(fpd, data, out, quantization):
    """look, train, evaluate, export, bundle and predict, on the data's own joints."""
    settings = [part for pair in TINY for part in ("--set", pair)]
    run, file = out / "run", out / "student.tflite"
    fpd("look", *data, "--split", "all", "--out", out / "sheet.html")
    fpd("train", *data, "--validation", "30%", *settings, "--out", run)
    scored = ["--validation", "30%", "--json", out / "scores.json"]
    student = run / "student.keras"
    fpd("evaluate", *data, *scored, "--model", student, "--flip-test")
    judged = ["--validation", "30%", "--split", "val", "--teacher", student]
    fpd("look", *data, *judged, "--out", out / "contradicted.html")
    gate = ["--validation", "30%", "--max-drop", "100"]
    quantized = ["--quantization", quantization, "--out", file]
    fpd("export", *data, *gate, "--model", student, *quantized)
    fpd("bundle", "--model", file, "--out", out / "bundle")
    return student, file


@pytest.mark.slow
def test_six_joints_of_ones_own_by_commands_alone(fpd, figures, tmp_path):
    data = ["--data", "coco", "--root", figures]
    student, file = everything(fpd, data, tmp_path, "int8")
    page = (tmp_path / "sheet.html").read_text()
    assert all(f">{joint}<" in page for joint in JOINTS)
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["metric"] == "OKS AP" and scores["people"] == 87
    assert {*scores["groups"]} == {"hand", "foot", "Head", "Tail"}
    contract = json.loads(file.with_suffix(".pose.json").read_text())
    assert contract["joints"] == [*JOINTS] and contract["limbs"][0] == [4, 0]
    assert contract["flip_pairs"] == [[1, 0], [3, 2]]
    photograph = figures / "images" / "default" / "frame_000001.png"
    found = tmp_path / "found.json"
    fpd(
        "predict", photograph, "--model", file, "--json", found, "--out", tmp_path / "d"
    )
    (pose,) = json.loads(found.read_text())
    joints = pose["joints"]  # so weak a network may see nobody
    assert joints is None or len(joints) == 6
    said = fpd("evaluate", *data, "--validation", "30%", "--model", student)
    assert "AP50" in said
    pck = ["--metric", "pck@LHand,Head", "--split", "all"]
    said = fpd("evaluate", *data, *pck, "--model", student)
    assert "PCK@0.2 of LHand to Head" in said


@pytest.mark.slow
def test_six_joints_under_a_teacher_to_every_quantization(
    fpd, figures, colour_finder, tmp_path
):
    data = ["--data", "coco", "--root", figures, "--validation", "30%"]
    settings = [part for pair in TINY for part in ("--set", pair)]
    settings += ["--set", "data.input_size=64"]
    file, run = tmp_path / "finder.tflite", tmp_path / "cached"
    said = fpd(
        *("export", *data, "--model", colour_finder, "--quantization", "int8"),
        *("--max-drop", "5", "--out", file),
    )
    assert "OKS AP" in said and "LHand" in said
    cached = ["--teacher", colour_finder, "--set", "teacher_cache=true"]
    fpd("distill", *data, *settings, *cached, "--out", run)
    fpd("distill", *data, *settings, "--teacher", file, "--out", tmp_path / "b")
    for folder in (run, tmp_path / "b"):
        (loss,) = losses(folder)
        assert float(loss) > 0
    student = run / "student.keras"
    fpd(
        *("export", *data, "--model", student, "--quantization", "qat"),
        *("--teacher", colour_finder, "--set", "epochs=1", "--max-drop", "100"),
        *("--out", tmp_path / "qat.tflite"),
    )
    fpd("variants", *data, "--model", student, "--out", tmp_path / "variants")
    for contract in (tmp_path / "variants").glob("*.pose.json"):
        assert json.loads(contract.read_text())["joints"] == [*JOINTS]
    assert len([*(tmp_path / "variants").glob("*.tflite")]) == 5
    said = fpd("compare", student, file, *data)
    assert "6 joints in common" in said
    fpd("bundle", "--model", tmp_path / "qat.tflite", "--out", tmp_path / "bundle")
    for platform in ("android", "ios", "web"):
        (contract,) = (tmp_path / "bundle" / platform).rglob("*pose.json")
        assert json.loads(contract.read_text())["joints"] == [*JOINTS]
    if node := shutil.which("node"):  # the page's own test of its golden joints
        page = tmp_path / "bundle" / "web"
        subprocess.run([node, "--test", "test/"], cwd=page, check=True)


def test_a_phones_photographs_go_right_through(fpd, colour_finder, tmp_path, caplog):
    """Labels count the upright picture, down to rows that the stored one has not."""
    places = [FIGURE + [0, 35], FIGURE, FIGURE + [0, 34]]
    write_figures(tmp_path, places, np.full((3, 6), 2))
    data = ["--data", "coco", "--root", tmp_path, "--split", "all", "--json"]
    facts, scores, found = (
        tmp_path / f"{n}.json" for n in ("facts", "scores", "found")
    )
    fpd("look", *data, facts, "--out", tmp_path / "sheet.png")
    assert "1 of 3 photographs are turned upright" in caplog.text
    assert json.loads(facts.read_text())["odd"] == {}
    fpd("evaluate", *data, scores, "--metric", "pck", "--model", colour_finder)
    assert json.loads(scores.read_text())["mean"] == 100
    phone = tmp_path / "images" / "default" / "frame_000003.jpg"
    box = ["--box", 10, 40, 62, 70]
    fpd("predict", phone, *box, "--model", colour_finder, "--json", found)
    (pose,) = json.loads(found.read_text())
    np.testing.assert_allclose(np.array(pose["joints"])[:, :2], places[2], atol=2)


def losses(run):
    """What the teacher's part of the loss was, epoch by epoch."""
    with (run / "history.csv").open() as file:
        return [row["distillation_loss"] for row in csv.DictReader(file)]


def test_a_video_follows_joints_that_are_no_hips_and_shoulders(
    fpd, colour_finder, tmp_path
):
    """Where the whole frame is looked at, the network does not see dots so small."""
    film, table = tmp_path / "film.avi", tmp_path / "joints.csv"
    moves = [np.array([4.0 * frame, 2.0 * frame]) for frame in range(40)]
    with video_written(film, 25) as add:
        for frame, move in enumerate(moves):
            add(drawn(FIGURE + move, 320, 240), frame / 25)
    video = ["--video", film, "--model", colour_finder, "--out", table]
    fpd("predict", *video, "--box", 10, 5, 60, 75)
    with table.open() as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 40
    for row, move in zip(rows, moves, strict=True):
        found = [[float(row[f"{joint}_{axis}"]) for axis in "xy"] for joint in JOINTS]
        np.testing.assert_allclose(found, FIGURE + move, atol=3)


@pytest.mark.slow
def test_cocos_joints_by_commands_alone(fpd, shared_data, tmp_path):
    root = shared_data / "coco-sample"
    data = ["--data", "coco", "--images", root / "val2017", "--annotations"]
    data.append(root / "annotations" / "person_keypoints_val2017.json")
    _, file = everything(fpd, data, tmp_path, "float16")
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["metric"] == "OKS AP" and "Wrist" in scores["groups"]
    photograph = min((root / "val2017").glob("*.jpg"))
    found = tmp_path / "found.json"
    one = [photograph, "--box", 10, 10, 100, 200, "--model", file]
    fpd("predict", *one, "--out", tmp_path / "drawn", "--json", found)
    assert len(json.loads(found.read_text())[0]["joints"]) == 17
    fpd("data", *data, "--split", "all", "--out", tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert len(again["annotations"]) == 65
    few = [*data, "--validation", "30%", "--few-people"]
    student = tmp_path / "run" / "student.keras"
    fpd("variants", *few, "--model", student, "--out", tmp_path / "variants")
    qat = ["--quantization", "qat", "--teacher", student, "--set", "epochs=1"]
    file = tmp_path / "qat.tflite"
    fpd("export", *few, *qat, "--model", student, "--out", file, "--max-drop", "100")
    assert json.loads(file.with_suffix(".pose.json").read_text())["joints"][0] == "nose"


def test_a_json_is_read_once_for_both_of_its_parts(figures, monkeypatch):
    reads = []

    def counted(*given):
        reads.append(given)
        return read_coco(*given)

    monkeypatch.setattr(coco, "read_coco", counted)
    source = Source(data=Data.coco, root=figures, validation="30%")
    assert (len(source.load("train")), len(source.held_out())) == (203, 87)
    assert len(source.load("all")) == 290 and len(reads) == 1


def test_a_share_of_data_that_cannot_be_shared_is_refused(run_fpd, tmp_path):
    given = ["--data", "lsp", "--root", tmp_path, "--validation", "10%"]
    status, _, said = run_fpd("look", *given, "--out", tmp_path / "a.html")
    assert status == 2 and "10% goes with --data coco and yolo only" in said
