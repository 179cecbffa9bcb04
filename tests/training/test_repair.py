"""A toy MoveNet sees left joints at the red spot, right ones at the green one."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

import fpd_tf as fpd
from fpd_tf.data.people import People, Sample
from fpd_tf.data.repair import LabelConfig
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP
from fpd_tf.training.joint_teacher import joint_teacher
from fpd_tf.training.repair import with_repaired_labels
from fpd_tf.training.run import batches

RED, GREEN = (12, 30), (35, 9)
DATA = fpd.DataConfig(input_size=32, batch_size=2, seed=5)
CONFIG = fpd.TrainConfig(epochs=1, data=DATA, labels=LabelConfig(repair=True))


@pytest.fixture
def people(tmp_path):
    """One person mirrored, one without a label of the left wrist, neck or head."""
    pixels = np.zeros((50, 50, 3), np.uint8)
    for color, (x, y) in enumerate((RED, GREEN)):
        pixels[y - 1 : y + 2, x - 1 : x + 2, color] = 250
    path = tmp_path / "one.png"
    Image.fromarray(pixels).save(path)
    sides = np.array([RED if "left" in name else GREEN for name in LSP.joints])
    known, some = np.ones(14, bool), np.ones(14, bool)
    for name in ("left_wrist", "neck", "head_top"):
        some[LSP.index(name)] = False
    box = Box(24.5, 24.5, 50)
    mirrored = Sample(path, sides[LSP.flip_order], known, known, box)
    return People([mirrored, Sample(path, sides, some, some, box)], LSP, source="two")


def test_a_teacher_repairs_labels_and_says_how_many(
    people, movenet_file, tmp_path, caplog
):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text('{"samples": 2}')
    teacher = joint_teacher(movenet_file, "upright")
    kept = with_repaired_labels(people, teacher, tmp_path / "cache", run)
    left, right = LSP.index("left_knee"), LSP.index("right_knee")
    assert kept[0].joints[[left, right]].tolist() == [list(RED), list(GREEN)]
    wrist = LSP.index("left_wrist")
    np.testing.assert_allclose(kept[1].joints[wrist], RED, atol=1.0)
    unlabelled = np.flatnonzero(~kept[1].annotated)
    assert [LSP.joints[at] for at in unlabelled] == ["neck", "head_top"]
    assert (
        "two: 2 people; mirrored labels undone: 1 people; missing labels filled in: "
        "1 joints of 1 people" in caplog.text
    )
    assert json.loads((run / "config.json").read_text())["repaired"] == {
        "mirrored_people": 1,
        "filled_joints": 1,
        "filled_people": 1,
    }


def test_a_run_trains_on_repaired_labels(
    people, movenet_file, tiny_network, tmp_path, monkeypatch
):
    given = []

    def watched(people, *rest):
        given.append(people)
        return batches(people, *rest)

    monkeypatch.setattr("fpd_tf.training.run.batches", watched)

    def run(config, **more):
        how = {"teacher": movenet_file, "views": "upright"} | more
        network = tiny_network(num_joints=14)
        return fpd.train(people, tmp_path / "run", config, network=network, **how)

    described = json.loads((run(CONFIG) / "config.json").read_text())
    assert described["config"]["labels"] == {"repair": True}
    assert described["repaired"]["filled_joints"] == 1
    assert given[0].annotated[:, :12].all() and not people.annotated[:, :12].all()
    run(CONFIG, resume=True)
    with pytest.raises(InputError, match="config.json: config.labels.repair: expected"):
        run(dataclasses.replace(CONFIG, labels=LabelConfig()), resume=True)


@pytest.mark.parametrize("teacher", [None, "heatmaps"])
def test_repair_needs_a_teacher_that_predicts_joints(
    people, tiny_network, tmp_path, teacher
):
    network = tiny_network(num_joints=14)
    given = tiny_network(num_joints=14, seed=1) if teacher else None
    with pytest.raises(InputError, match="config: labels.repair: needs a teacher that"):
        how = {"network": network, "teacher": given}
        fpd.train(people, tmp_path / "run", CONFIG, **how)
    assert not (tmp_path / "run").exists()
