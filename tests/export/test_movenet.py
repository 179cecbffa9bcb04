"""Networks as MoveNet: heatmaps of a sigmoid, upsampled by bilinear resizes."""

import keras
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.export.audit import BINDINGS, audit_tflite
from fpd_tf.export.calibrate import calibration_crops
from fpd_tf.export.convert import export_tflite
from fpd_tf.models.movenet import movenet_pose
from fpd_tf.predictors.load import load_predictor

SIZE = 64


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("p") / "lspet", "lspet", count=30)
    return fpd.load_lsp(root, "train")


@pytest.fixture(scope="module")
def images(people):
    return calibration_crops(people, SIZE, 4)


@pytest.fixture(scope="module")
def network(images):
    """Untrained, its last layer scaled until heatmaps differ from cell to cell."""
    keras.utils.set_random_seed(0)
    made = movenet_pose(width=0.25, blocks=14, num_joints=14, input_size=SIZE)
    heatmaps = np.asarray(made(images)[0], np.float64)
    kernel, bias = made.get_layer("score_conv").get_weights()
    kernel *= 2 / np.std(np.log(heatmaps / (1 - heatmaps)))
    made.get_layer("score_conv").set_weights([kernel, bias])
    return made


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "near"), [("float16", 0.01), ("int8", 0.25)])
def test_it_runs_in_one_piece_in_every_binding(
    network, people, images, scheme, near, tmp_path
):
    options = {"quantization": scheme, "samples": people, "calibration_count": 8}
    file = export_tflite(network, tmp_path / "student.tflite", **options)
    audit = audit_tflite(file)
    resizes = {name for name, _ in audit.operators if name.startswith("RESIZE")}
    assert resizes == {"RESIZE_BILINEAR"} and audit.partitions == 1
    assert audit.problems == [] and audit.loaded_by == list(BINDINGS)
    heatmaps = load_predictor(file).heatmaps(images)
    expected = load_predictor(network).heatmaps(images)
    assert heatmaps.min() >= 0 and 0.1 < np.ptp(expected) and expected.max() < 1
    np.testing.assert_allclose(heatmaps, expected, atol=near)
    if scheme == "int8":
        assert (heatmaps * 256 == (heatmaps * 256).round()).all()
