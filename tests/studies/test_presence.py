import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.contract.pose_json import contract_path, read_contract
from fpd_tf.errors import InputError
from studies import presence

GOLDEN = Path(__file__).parents[1] / "golden" / "tiny.tflite"


@pytest.fixture(scope="module")
def lspet(tmp_path_factory):
    return fpd.synthesize(tmp_path_factory.mktemp("d") / "lspet", "lspet", count=50)


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    """A photograph of 300 x 200 with somebody in its left half."""
    root = tmp_path_factory.mktemp("c")
    for folder in ("annotations", "val2017"):
        (root / folder).mkdir()
    cv2.imwrite(str(root / "val2017" / "a.png"), np.zeros((200, 300, 3), np.uint8))
    content = {
        "images": [{"id": 3, "file_name": "a.png"}],
        "annotations": [{"image_id": 3, "bbox": [0, 0, 150, 200]}],
    }
    path = root / "annotations" / "person_keypoints_val2017.json"
    path.write_text(json.dumps(content))
    return root


@pytest.fixture
def model(tmp_path):
    for path in (GOLDEN, contract_path(GOLDEN)):
        shutil.copy(path, tmp_path)
    return tmp_path / GOLDEN.name


@pytest.fixture
def network(monkeypatch):
    """In the model's place: its joints are those of the people."""
    network = SimpleNamespace(joint_set=fpd.LSP)
    monkeypatch.setattr(presence, "load_predictor", lambda path: network)
    return network


@pytest.fixture
def looks(lspet, network, monkeypatch):
    """Finds people where they are, the first one in their place only by the score."""
    people = fpd.load_lsp(lspet, "val")
    monkeypatch.setattr(fpd, "load_coco", lambda root, split: people[:2])

    def looked(predictor, image, box):
        for number, person in enumerate(people):
            if person.box == box:
                return person.joints + 1000 * (number == 0), 0.5 + 0.1 * (number == 1)
        return np.zeros((14, 2)), 0.25

    monkeypatch.setattr(presence, "_looked", looked)
    return people


def test_empty_squares_lie_beside_the_people_and_on_the_photograph():
    image = np.zeros((100, 300, 3), np.uint8)
    squares = presence.empty_squares(image, [(0, 0, 200, 100)])
    assert len(squares) == presence.MOST
    for box in squares:
        x, y, side, _ = box.rectangle
        assert 48 <= side <= 100 and 200 <= x <= 300 - side and 0 <= y <= 100 - side
    assert presence.empty_squares(image, [(0, 0, 260, 100)]) == []


def test_the_gate_keeps_98_of_100_poses():
    assert presence.gate_of(np.arange(101) / 100 + 0.005) == 0.02
    assert presence.gate_of(np.array([0.2, 0.5, 0.9])) == 0.2  # of few, all


def test_people_with_wrong_joints_are_no_good_poses(network, looks):
    poses, _ = presence.of_people(network, looks)
    assert len(poses) == len(looks) - 1 and poses[0] == 0.6


def test_squares_of_photographs_with_boxes(looks, coco):
    assert presence.of_photographs(None, coco).tolist() == [0.25] * presence.MOST


def test_the_gate_is_printed_and_written(looks, lspet, coco, model, capsys):
    presence.main(model, lspet, coco)
    assert "score.presence: 0.50" in capsys.readouterr().out
    assert read_contract(contract_path(model)).score.presence == 0.2
    presence.main(model, lspet, coco, write=True)
    assert read_contract(contract_path(model)).score.presence == 0.5


def test_joints_are_those_that_both_name(looks):
    others = SimpleNamespace(joint_set=fpd.JointSet("few", ("neck", "tail")))
    poses, _ = presence.of_people(others, looks)
    assert len(poses) == 0  # what stands in the neck's place is an ankle


def test_a_network_that_finds_nobody_has_no_gate(
    network, lspet, coco, model, monkeypatch
):
    nobody = np.full((14, 2), -1e3), 0.1
    monkeypatch.setattr(presence, "_looked", lambda *_: nobody)
    with pytest.raises(InputError, match="none of its poses is mostly right: no gate"):
        presence.main(model, lspet, coco)
