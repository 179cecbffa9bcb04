import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.export import convert
from fpd_tf.export.audit import audit_tflite
from fpd_tf.export.calibrate import calibration_crops
from fpd_tf.export.convert import export_tflite
from fpd_tf.predictors.load import load_predictor

VARIANTS = [
    ("none", "float32"),
    ("float16", "float32"),
    ("dynamic", "float32"),
    ("int8", "float32"),
    ("int8", "uint8"),
    ("int8", "int8"),
    ("int16x8", "float32"),
]
INTEGER = [variant for variant in VARIANTS if variant[0].startswith("int")]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    root = fpd.synthesize(folder / "mpii", count=16, seed=0)
    return fpd.load_mpii(root, split="train")


@pytest.fixture(scope="module")
def network():
    """Of each kind of layer one: an hourglass in small."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = layers.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, 2, "same")(layers.Rescaling(2.0, -1.0)(image))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    half = layers.MaxPooling2D()(x)
    down = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(half)))
    up = layers.UpSampling2D()(layers.Conv2D(8, 3, padding="same")(down))
    both = layers.BatchNormalization()(layers.Add()([half, up]))
    model = keras.Model(image, layers.Conv2D(16, 1)(layers.ReLU()(both)))
    random = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith(("beta", "moving_mean")):
            weight.assign(random.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module")
def files(network, samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return {
        (quantization, io): export_tflite(
            network,
            folder / f"{quantization}_{io}.tflite",
            quantization=quantization,
            io=io,
            samples=samples,
            calibration_count=8,
        )
        for quantization, io in VARIANTS
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_shapes_and_types_are_the_same_in_every_variant(variant, files):
    interpreter = Interpreter(str(files[variant]))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": ["heatmaps"]}
    }
    runner = interpreter.get_signature_runner("serving_default")
    image = runner.get_input_details()["image"]
    heatmaps = runner.get_output_details()["heatmaps"]
    assert image["dtype"] == heatmaps["dtype"] == np.dtype(variant[1])
    assert tuple(image["shape"]) == (1, 32, 32, 3)
    assert tuple(heatmaps["shape"]) == (1, 8, 8, 16)


@pytest.mark.parametrize(
    ("variant", "tolerance"),
    list(zip(VARIANTS, (1e-5, 5e-3, 0.1, 0.1, 0.1, 0.1, 0.05), strict=True)),
)
def test_every_variant_predicts_what_the_network_does(
    variant, tolerance, files, network, samples
):
    crops = calibration_crops(samples, 32, 4)
    expected = load_predictor(network).heatmaps(crops)
    error = np.abs(load_predictor(files[variant]).heatmaps(crops) - expected).max()
    assert error < tolerance * np.ptp(expected)


@pytest.mark.parametrize("variant", INTEGER)
def test_no_float_operator_stands_within_the_integer_files(variant, files):
    audit = audit_tflite(files[variant])
    assert audit.float_operators == ()
    names = [name for name, _ in audit.operators]
    assert ("DEQUANTIZE" in names) == (variant[1] == "float32")
    assert audit_tflite(files["none", "float32"]).float_operators != ()


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_upsampling_is_one_resize_and_nothing_else_is_new(variant, files):
    counts = {}
    for (name, _), count in audit_tflite(files[variant]).operators.items():
        counts[name] = counts.get(name, 0) + count
    expected = {
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 3,  # the scale of images, and norms after no convolution
        "ADD": 1,
        "MAX_POOL_2D": 2,
        "RESIZE_NEAREST_NEIGHBOR": 1,
    }
    assert {name: counts.get(name) for name in expected} == expected
    assert set(counts) - set(expected) <= {"QUANTIZE", "DEQUANTIZE"}


def test_uint8_pixels_are_their_own_codes(files):
    (image,) = Interpreter(str(files["int8", "uint8"])).get_input_details()
    scale, zero_point = image["quantization"]
    assert (scale, zero_point) == (pytest.approx(1 / 255), 0)


def test_too_few_samples_are_refused(network, samples, tmp_path):
    path = tmp_path / "student.tflite"
    with pytest.raises(InputError, match=r"at least 200 people .* Received: \d+$"):
        export_tflite(network, path, quantization="int8", samples=samples)
    with pytest.raises(InputError, match="at least 8 people .* Received: 0"):
        export_tflite(network, path, quantization="int8", calibration_count=8)
    assert list(tmp_path.iterdir()) == []


def test_one_crop_measures_every_range(network, samples, tmp_path):
    how = {"quantization": "int16x8", "samples": samples, "calibration_count": 1}
    assert export_tflite(network, tmp_path / "student.tflite", **how).is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantization": "int4"}, "quantization: expected one of none, float16"),
        ({"io": "int16"}, "io: expected one of float32"),
        (
            {"io": "uint8", "quantization": "float16"},
            "^io: uint8 goes.*not float16",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message, network, tmp_path):
    with pytest.raises(InputError, match=message):
        export_tflite(network, tmp_path / "student.tflite", **options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("student.bin", "student.bin: expected a name ending in .tflite. Rec"),
        ("nowhere/student.tflite", "student.tflite: it cannot be written: there is no"),
        ("folder.tflite", "folder.tflite: it is a folder"),
    ],
)
def test_paths_that_cannot_become_a_file_are_refused(name, said, tmp_path):
    """Before the network is looked at, which is none."""
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(InputError, match=said):
        export_tflite("none.keras", tmp_path / name)


@pytest.mark.parametrize("shape", [(16, 16, 1), (16, 24, 3), (17, 17, 3)])
def test_networks_that_no_app_could_feed_are_refused(shape, tmp_path):
    """Grey, not square, and a size that is no multiple of the heatmap's."""
    image = keras.Input(shape)
    heatmaps = keras.layers.Conv2D(2, 3, 4, "same")(image)
    with pytest.raises(InputError, match=r"shapes: expected \(B, S, S, 3\) to heat"):
        export_tflite(keras.Model(image, heatmaps), tmp_path / "student.tflite")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_the_old_file(network, tmp_path, monkeypatch):
    path = tmp_path / "student.tflite"
    path.write_bytes(b"old")

    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(convert, "open_interpreter", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_tflite(network, path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
