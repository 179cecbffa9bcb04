"""A teacher looks once at everybody: in processes of its own, and never twice."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import COCO, MPII
from fpd_tf.predictors.load import load_predictor
from fpd_tf.training import looking
from fpd_tf.training.looking import looked_at, said_of

PLACES = {"left_wrist": (12, 30), "right_wrist": (25, 9), "nose": (33, 33)}


@pytest.fixture(scope="module")
def colorful(tmp_path_factory):
    """Three people on photographs of other sizes, joints red, green and blue."""
    folder, samples = tmp_path_factory.mktemp("colorful"), []
    for index in range(3):
        pixels = np.zeros((50 + index, 60, 3), np.uint8)
        for color, (x, y) in enumerate(PLACES.values()):
            pixels[y - 1 : y + 2, x + index - 1 : x + index + 2, color] = 200
            pixels[y, x + index, color] = 255
        path = folder / f"{index}.png"
        Image.fromarray(pixels).save(path)
        nothing = np.zeros(16, bool)
        box = Box(24, 24, 50)
        samples.append(Sample(path, np.zeros((16, 2)), nothing, nothing, box))
    return People(samples, MPII)


def check(said):
    at = [COCO.index(name) for name in PLACES]
    for index in range(3):
        expected = np.array(list(PLACES.values())) + [index, 0]
        np.testing.assert_allclose(said.joints[index, at], expected, atol=1.0)


def test_joints_are_pixels_of_the_photograph(colorful, movenet_file):
    said = looked_at(load_predictor(movenet_file), colorful)
    check(said)
    assert said.scores.shape == (3, 17) and said.scores.min() > 0.6


def test_files_look_in_processes_and_what_they_said_is_kept(
    colorful, movenet_file, tmp_path, monkeypatch
):
    monkeypatch.setattr(looking, "AT_ONCE", 2)
    joint_set, said = said_of(colorful, [movenet_file], tmp_path, "upright")
    assert joint_set is COCO
    check(said)
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.glob("*.npz"))) == 2
    strangers = []
    monkeypatch.setattr(
        looking, "looked_at_by_files", lambda *given: strangers.extend(given[2]) or []
    )
    backwards = colorful.of(reversed(colorful))
    _, again = said_of(backwards, [movenet_file], tmp_path, "upright")
    assert not strangers
    np.testing.assert_array_equal(again.joints[::-1], said.joints)
    next(folder.glob("*.npz")).unlink()
    with pytest.raises(KeyError):
        said_of(colorful, [movenet_file], tmp_path, "upright")
    assert 1 <= len(strangers) <= 2


def test_other_views_and_other_teachers_are_kept_apart(
    colorful, movenet_file, tiny_network, tmp_path
):
    one, other = tiny_network(), tiny_network(seed=1)
    for teachers, views in (
        *(([one], "upright"), ([one], "mirrored"), ([other], "upright")),
        ([movenet_file, one], "upright"),
    ):
        joint_set, said = said_of(colorful, teachers, tmp_path, views)
        assert said.scores.shape == (3, joint_set.num_joints)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_photograph_that_is_gone_is_named_by_the_process(
    colorful, movenet_file, tmp_path
):
    path = tmp_path / "torn.png"
    path.write_bytes(colorful[0].image_path.read_bytes()[:60])
    torn = [colorful[0], replace(colorful[1], image_path=path)]
    with pytest.raises(InputError, match="torn.png: expected a whole photograph"):
        said_of(torn, [movenet_file], tmp_path / "kept")
