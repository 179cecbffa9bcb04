"""Labelled people and photographs without labels, of whom a toy MoveNet says joints."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

import fpd_tf as fpd
from fpd_tf.data.people import People, Sample
from fpd_tf.data.pipeline import make_dataset
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP, MPII
from fpd_tf.training.joint_teacher import joint_teacher
from fpd_tf.training.unlabelled import clearly_seen, joined

DATA = fpd.DataConfig(input_size=32, batch_size=4, seed=5)
CONFIG = fpd.TrainConfig(epochs=1, data=DATA)
TINY = ["preset=hourglass_2x64", "model.num_stacks=1", "model.num_features=8"]
TINY += ["model.depth=1", "model.stem_width=8", "epochs=1", "data.input_size=32"]
TINY += ["data.sigma=1.0", "data.batch_size=4"]


def picture(path, level):
    """A red, a green and a blue joint of that level on black: so sure is the toy."""
    pixels = np.zeros((60, 60, 3), np.uint8)
    for color, (x, y) in enumerate([(20, 35), (35, 25), (28, 15)]):
        pixels[y - 2 : y + 3, x - 2 : x + 3, color] = level
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def strangers(tmp_path):
    """A folder of two clear photographs, a dark one, and its json of boxes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, level in (("a", 250), ("b", 240), ("dark", 20)):
        picture(folder / f"{name}.png", level)
    images = [
        {"id": at, "file_name": path.name}
        for at, path in enumerate(sorted(folder.iterdir()))
    ]
    boxes = [{"id": at, "image_id": at, "bbox": [6, 6, 48, 48]} for at in range(3)]
    (folder / "boxes.json").write_text(
        json.dumps({"images": images, "annotations": boxes})
    )
    return folder


@pytest.fixture
def dark(tmp_path):
    folder = tmp_path / "dark"
    folder.mkdir()
    return picture(folder / "dark.png", 20).parent


def people_of(paths, joint_set=LSP, labelled=False):
    known = np.full(joint_set.num_joints, labelled)
    nowhere = np.full((joint_set.num_joints, 2), 30.0)
    box = Box(29.5, 29.5, 60)
    return People(
        [Sample(path, nowhere, known, known, box) for path in paths], joint_set
    )


@pytest.fixture
def labelled(strangers):
    return people_of([strangers / "a.png"] * 6, labelled=True)


@pytest.fixture
def root(tmp_path):
    return fpd.synthesize(tmp_path / "drawn", "mpii", count=12)


def distilling(root, out, *more):
    settings = [part for pair in TINY for part in ("--set", pair)]
    data = "--data", "mpii", "--root", root, "--validation", "none"
    return "distill", *data, "--out", out, *settings, *more


def test_who_is_not_seen_clearly_is_left_out_and_counted(
    strangers, movenet_file, tmp_path, caplog
):
    people = people_of(sorted(strangers.glob("*.png")))
    teacher = joint_teacher(movenet_file, "upright")
    kept = clearly_seen(people, teacher, tmp_path / "cache")
    assert [person.image_path.name for person in kept] == ["a.png", "b.png"]
    assert "2 people; left out for a low score of the teacher: 1" in caplog.text
    with pytest.raises(InputError, match="0.25 or more. Received: none of"):
        clearly_seen(people[2:], teacher, tmp_path / "cache")


def test_a_batch_has_labels_for_its_share_and_the_teacher_for_all(
    labelled, strangers, movenet_file, tmp_path
):
    both = joined(labelled, people_of([strangers / "b.png"] * 3))
    kept = joint_teacher(movenet_file, "upright").of(both, DATA, tmp_path / "cache")
    stream = make_dataset(both, DATA, True, first_epoch=0, teacher=kept, labelled=6)
    for _, _, weights, (_, sure) in stream.take(6):
        assert weights.numpy().any(axis=1).sum() == 2
        assert sure.numpy().any(axis=1).all()


def test_an_epoch_is_counted_over_the_labelled(
    labelled, strangers, movenet_file, tiny_network, tmp_path
):
    unlabelled = people_of([strangers / "b.png"] * 3)
    how = {"teacher": movenet_file, "views": "upright", "unlabelled": unlabelled}
    ends = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: ends.append(step)
    )
    run = fpd.train(
        *(labelled, tmp_path / "run", CONFIG),
        **(how | {"network": tiny_network(num_joints=14), "callbacks": [count]}),
    )
    assert ends == [0, 1, 2]  # 6 people, 2 in each batch of 4
    about = json.loads((run / "config.json").read_text())
    assert about["samples"] == 6 and about["unlabelled"]["samples"] == 3
    others = people_of([strangers / "b.png", strangers / "a.png", strangers / "b.png"])
    for changed in (others, None):
        network = tiny_network(num_joints=14)
        resumed = how | {"network": network, "unlabelled": changed, "resume": True}
        with pytest.raises(InputError, match="config.json: unlabelled"):
            fpd.train(labelled, run, CONFIG, **resumed)


def test_a_network_of_ones_own_says_who_is_clear(
    labelled, strangers, tiny_network, tmp_path
):
    """The exact teacher, in each step, looks once at who has no label."""
    unlabelled = people_of([strangers / "b.png"] * 3)
    sure, unsure = (tiny_network(num_joints=14, seed=seed) for seed in (1, 1))
    for teacher, peak in ((sure, 0.9), (unsure, 0.0)):
        layer = teacher.get_layer("stack0_score")
        layer.set_weights([layer.kernel * 0, np.full(14, peak)])
    how = {"network": tiny_network(num_joints=14), "unlabelled": unlabelled}
    run = fpd.train(labelled, tmp_path / "run", CONFIG, teacher=sure, **how)
    assert "distillation_loss" in (run / "history.csv").read_text()
    with pytest.raises(InputError, match="none of 3"):
        fpd.train(labelled, tmp_path / "other", CONFIG, teacher=unsure, **how)


@pytest.mark.parametrize(
    ("how", "refusal"),
    [
        ({"teacher": None}, "unlabelled: people without labels need a teacher"),
        ({"config": {"teach_unlabelled": False}}, "config: teach_unlabelled: expected"),
        ({"config": {"distillation_weight": 0}}, "config: teach_unlabelled: expected"),
        ({"unlabelled": "mpii"}, "unlabelled: joints: expected those of the labelled"),
        ({"unlabelled": "nobody"}, "unlabelled: expected people. Received: nobody"),
        ({"unlabelled": "labelled"}, "unlabelled: labels: .*Received: 2 with labels"),
        ({"config": {"data": {"unlabelled_share": 0.1}}}, "unlabelled_share: expected"),
    ],
)
def test_who_would_teach_nothing_is_refused(
    labelled, strangers, movenet_file, tmp_path, how, refusal
):
    given = {"teacher": movenet_file, "unlabelled": people_of([strangers / "b.png"])}
    if how.get("unlabelled"):
        others = {
            "mpii": people_of([strangers / "b.png"], MPII),
            "nobody": people_of([]),
            "labelled": people_of([strangers / "b.png"] * 2, labelled=True),
        }
        how = {"unlabelled": others[how["unlabelled"]]}
    changed = how.pop("config", {}) if "config" in how else {}
    if "data" in changed:
        changed = {"data": dataclasses.replace(DATA, **changed["data"])}
    config = dataclasses.replace(CONFIG, **changed)
    with pytest.raises(InputError, match=refusal):
        fpd.train(labelled, tmp_path / "run", config, **(given | how))
    assert not (tmp_path / "run").exists()


def test_commands_train_on_both(
    run_fpd, root, strangers, movenet_file, tmp_path, caplog
):
    out, folder = tmp_path / "run", strangers
    more = "--teacher", movenet_file, "--views", "upright", "--unlabelled"
    status, said, error = run_fpd(*distilling(root, out, *more, folder / "boxes.json"))
    assert status == 0 and "distillation_loss" in said, error
    assert "2 people; left out for a low score of the teacher: 1" in caplog.text
    assert (out / "student.keras").is_file()
    again = distilling(root, out, *more, folder, "--resume")
    status, _, error = run_fpd(*again)
    assert "2 people; no person found in 1 photographs" in caplog.text
    assert (
        status == 2
        and "config.json: unlabelled.samples: expected the run's own 3" in error
    )


def test_bad_unlabelled_photographs_are_one_sentence(
    run_fpd, root, strangers, dark, movenet_file, tmp_path
):
    no_boxes, gone = strangers / "no-boxes.json", strangers / "gone.json"
    content = json.loads((strangers / "boxes.json").read_text())
    without = [{"id": 1, "image_id": 0}]
    no_boxes.write_text(json.dumps(content | {"annotations": without}))
    content["images"][0]["file_name"] = "gone.png"
    gone.write_text(json.dumps(content))
    for unlabelled, refusal in (
        (dark, "expected a photograph with a person in it. Received: nobody found"),
        (no_boxes, "annotations[0].bbox: expected numbers of shape (4,)"),
        (gone, "images[0].file_name: expected a file below"),
        (tmp_path / "nowhere", "nowhere: expected COCO json of boxes"),
    ):
        more = "--teacher", movenet_file, "--unlabelled", unlabelled
        status, _, error = run_fpd(*distilling(root, tmp_path / "run", *more))
        assert status == 2 and refusal in error, error
        assert error.count("\n") == 1 and not (tmp_path / "run").exists()
