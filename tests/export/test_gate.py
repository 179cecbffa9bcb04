import keras
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.data.pipeline import DataConfig, make_dataset
from fpd_tf.errors import GateError, InputError
from fpd_tf.export import gate
from fpd_tf.export.convert import export_tflite
from fpd_tf.export.gate import (
    Comparison,
    check_drop,
    check_loadable,
    compare,
    export_gated,
)

SIZE = 64


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("people") / "mpii", count=24, seed=0)
    return fpd.load_mpii(root, split="val")


def network(*, shift=0, size=SIZE):
    """Heatmaps that peak where the picture is bright; `shift` moves joint 0."""
    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 3), name="image")
    heatmaps = keras.layers.Conv2D(16, 9, 4, "same", name="heatmaps")
    model = keras.Model(image, heatmaps(image))
    kernel, bias = heatmaps.get_weights()
    kernel[..., 0] = np.roll(kernel[..., 0], shift, axis=0)
    heatmaps.set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    return export_tflite(network(), tmp_path_factory.mktemp("gate") / "exact.tflite")


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    path = tmp_path_factory.mktemp("gate") / "moved.tflite"
    return export_tflite(network(shift=4), path)


def test_a_float_file_equals_its_network(exact, people):
    (comparison,) = compare(network(), [exact], people)
    assert comparison.drop == 0.0 and comparison.argmax_agreement == 100.0
    assert comparison.heatmap_error < 1e-5
    np.testing.assert_allclose(comparison.decode_bias, 0, atol=1e-4)
    assert set(comparison.joints.values()) == {0.0}


def test_each_file_is_compared_with_the_networks_own_heatmaps(exact, moved, people):
    first, second = compare(network(), [moved, exact], people)
    assert second.argmax_agreement == 100.0
    config = DataConfig(input_size=SIZE)
    batches = make_dataset(people, config).as_numpy_iterator()
    images = np.concatenate([images for images, _, _ in batches])
    before, after = (
        np.asarray(each(images)).reshape(len(images), -1, 16)
        for each in (network(), network(shift=4))
    )
    agreed = 100 * np.mean(before.argmax(axis=1) == after.argmax(axis=1))
    assert 90 < agreed < 100
    assert first.argmax_agreement == pytest.approx(agreed)
    height = np.ptp(before, axis=1) + 1e-6
    error = np.mean(np.abs(after - before).max(axis=1) / height)
    assert first.heatmap_error == pytest.approx(error, rel=1e-3)
    values = first.as_dict()
    assert values["heatmap_error"] == first.heatmap_error
    assert set(values) >= {"drop", "joints", "decode_bias", "network", "tflite"}


class Scored:
    """As much of an Evaluation as the gate looks at."""

    metric = "PCK@0.2"

    def __init__(self, mean):
        self.scores = type("Scores", (), {"mean": mean})


@pytest.mark.parametrize(
    ("after", "max_drop", "holds"),
    [
        (47.4, 0.5, True),
        (47.3, 0.5, True),
        (47.25, 0.5, False),
        (50.0, 0.0, True),
        (float("nan"), 99.0, False),
    ],
)
def test_the_gate_holds_and_does_not(after, max_drop, holds):
    comparison = Comparison(Scored(47.8), Scored(after), 0.0, 100.0)
    if holds:
        check_drop(comparison, max_drop, "a.tflite")
        return
    with pytest.raises(GateError, match=r"a.tflite: PCK@0.2 fell .* allowed are"):
        check_drop(comparison, max_drop, "a.tflite")


def test_a_file_of_another_network_is_refused(exact, people):
    with pytest.raises(InputError, match=r"exact.tflite: shapes: expected the network"):
        compare(network(size=32), [exact], people)


def test_a_gate_without_people_does_not_stay_open(tmp_path):
    with pytest.raises(InputError, match="people to compare on. Received: none"):
        export_gated(network(), tmp_path / "student.tflite", held_out=[])
    assert list(tmp_path.iterdir()) == []


def test_integer_ends_pass_the_audit_by_choice_only(people, tmp_path):
    found = []
    path = export_gated(
        network(),
        tmp_path / "student.tflite",
        held_out=people,
        max_drop=100.0,
        show=lambda *all: found.append(all),
        quantization="int8",
        io="int8",
        samples=people,
        calibration_count=2,
    )
    ((file, audit, comparison),) = found
    assert file != path and comparison.tflite.scores.mean >= 0
    with pytest.raises(GateError, match="a.tflite: litert_js refuses it: `image` is"):
        check_loadable(audit, "a.tflite")


def test_a_file_that_is_refused_is_not_put_in_place(tmp_path, people):
    path = tmp_path / "student.tflite"
    path.write_bytes(b"old")

    def accept(file):
        (comparison,) = compare(network(), [file], people)
        check_drop(comparison, -1.0, path.name)

    with pytest.raises(GateError, match="student.tflite: PCKh@0.5 fell by 0.00 points"):
        export_tflite(network(), path, accept=accept)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_an_older_file_with_the_decode_goes_with_the_file_it_came_from(
    people, tmp_path
):
    path, stale = tmp_path / "student.tflite", tmp_path / "student.joints.tflite"
    stale.write_bytes(b"old")
    with pytest.raises(GateError):
        export_gated(network(), path, held_out=people, max_drop=-1.0)
    assert stale.exists() and not path.exists()
    export_gated(network(), path)
    assert path.exists() and not stale.exists()


def test_the_largest_cell_is_counted_by_joint():
    heatmaps = np.zeros((1, 2, 3, 2))
    heatmaps[0, 1, 2, 0] = heatmaps[0, 0, 1, 1] = 1
    assert gate._largest(heatmaps).tolist() == [[5, 1]]
