"""Photographs and joints of one's own, from a json to an app, by commands alone."""

import json

import cv2
import numpy as np
import pytest

from fpd_tf.cli.options import Data, Source
from fpd_tf.data import coco
from fpd_tf.data.coco_json import read_coco

JOINTS = ("LHand", "RHand", "LFoot", "RFoot", "Head", "Tail")
COLOURS = np.uint8(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255]]
)
TINY = (
    *("preset=hourglass_2x64", "model.num_stacks=1", "model.num_features=8"),
    *("model.depth=1", "model.stem_width=8", "epochs=1", "data.input_size=32"),
    *("data.sigma=1.0", "data.batch_size=10"),
)


@pytest.fixture
def figures(tmp_path):
    """290 pictures of six dots, labelled as CVAT exports a skeleton."""
    random, images, annotations = np.random.default_rng(0), [], []
    folder = tmp_path / "images" / "default"
    folder.mkdir(parents=True)
    for number in range(1, 291):
        at = random.uniform(15, 75, (6, 2)).round(2)
        picture = np.full((90, 90, 3), 60, np.uint8)
        for (x, y), color in zip(at, COLOURS, strict=True):
            where = round(x), round(y)
            cv2.circle(picture, where, 4, color[::-1].tolist(), -1)
        cv2.imwrite(str(folder / f"frame_{number:06d}.png"), picture)
        low, extent = at.min(axis=0), np.ptp(at, axis=0)
        flags = np.where(random.random(6) < 0.1, 0, 2)
        keypoints = np.column_stack([at * (flags > 0)[:, None], flags])
        images.append(
            {
                "id": number,
                "width": 90,
                "height": 90,
                "file_name": f"frame_{number:06d}.png",
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
                "num_keypoints": int((flags > 0).sum()),
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
    path = tmp_path / "annotations" / "person_keypoints_default.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
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
def test_cocos_joints_by_commands_alone(fpd, shared_data, tmp_path):
    root = shared_data / "coco-sample"
    data = ["--data", "coco", "--images", root / "val2017", "--annotations"]
    data.append(root / "annotations" / "person_keypoints_val2017.json")
    everything(fpd, data, tmp_path, "float16")
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["metric"] == "OKS AP" and "Wrist" in scores["groups"]
    fpd("data", *data, "--split", "all", "--out", tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert len(again["annotations"]) == 65


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
    assert status == 2 and "lsp: does not take" in said
