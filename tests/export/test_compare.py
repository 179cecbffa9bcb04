import keras
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.data.pipeline import DataConfig, make_dataset
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.export import compare as module
from fpd_tf.export.compare import compare_with_network
from fpd_tf.export.convert import export_tflite

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
    (comparison,) = compare_with_network(network(), [exact], people)
    assert comparison.drop == 0.0 and comparison.argmax_agreement == 100.0
    assert comparison.heatmap_error < 1e-5
    np.testing.assert_allclose(comparison.decode_bias, 0, atol=1e-4)
    assert set(comparison.joints.values()) == {0.0}


def test_each_file_is_compared_with_the_networks_own_heatmaps(exact, moved, people):
    first, second = compare_with_network(network(), [moved, exact], people)
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


def test_scores_are_those_of_the_evaluator(moved, people):
    (comparison,) = compare_with_network(network(), [moved], people)
    for found, model in (
        (comparison.network, network()),
        (comparison.tflite, moved),
    ):
        assert found.as_dict() == evaluate(model, people).as_dict()
    assert comparison.reported_scores == {
        "PCKh@0.5": round(comparison.tflite.scores.mean, 2),
        "AUC": round(comparison.tflite.scores.auc, 2),
    }


def test_a_file_of_another_network_is_refused(exact, people):
    with pytest.raises(InputError, match=r"exact.tflite: shapes: expected the network"):
        compare_with_network(network(size=32), [exact], people)


def test_the_largest_cell_is_counted_by_joint():
    heatmaps = np.zeros((1, 2, 3, 2))
    heatmaps[0, 1, 2, 0] = heatmaps[0, 0, 1, 1] = 1
    assert module._largest(heatmaps).tolist() == [[5, 1]]
