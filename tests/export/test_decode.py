import zipfile

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

import fpd_tf as fpd
from fpd_tf.codec import decode_heatmaps, encode_heatmaps
from fpd_tf.contract.tflite_file import Tensor
from fpd_tf.errors import InputError
from fpd_tf.export import decode
from fpd_tf.export.audit import audit_tflite
from fpd_tf.export.convert import export_tflite
from fpd_tf.export.decode import joints_path, write_with_decode
from fpd_tf.predictors.load import load_predictor

SIZE, CELLS = 64, 16


@pytest.fixture(scope="module")
def decoder():
    interpreter = Interpreter(model_content=decode._decoder(CELLS, CELLS, 6))
    return interpreter.get_signature_runner("serving_default")


def hard_heatmaps():
    """Gaussians inside, at borders and in corners; noise; ties; nothing."""
    random = np.random.default_rng(0)
    at = random.uniform(0, SIZE, (20, 6, 2))
    at[:4, :4] = [[0, 0], [SIZE - 1, 0], [1.4, SIZE - 1], [30, 61.5]]
    clean, _ = encode_heatmaps(at, size=CELLS, sigma=1.0)
    noise = random.uniform(-0.2, 1, (20, CELLS, CELLS, 6)).astype(np.float32)
    ties = random.integers(0, 4, (20, CELLS, CELLS, 6)).astype(np.float32) / 4
    return np.concatenate([clean, noise, ties, np.zeros_like(clean[:1])])


def test_the_decode_is_that_of_the_package(decoder):
    for heatmaps in hard_heatmaps():
        joints, scores = decode_heatmaps(heatmaps)
        (received,) = decoder(heatmaps=heatmaps[None])["joints"]
        pixels = SIZE * received[:, 1::-1] - 0.5
        np.testing.assert_allclose(pixels, joints, atol=1e-3)
        np.testing.assert_array_equal(received[:, 2], scores)


def test_heatmaps_that_are_not_square_are_decoded():
    interpreter = Interpreter(model_content=decode._decoder(8, 4, 1))
    heatmaps = np.zeros((1, 8, 4, 1), np.float32)
    heatmaps[0, 5, 2] = 1
    joints = interpreter.get_signature_runner("serving_default")(heatmaps=heatmaps)
    np.testing.assert_allclose(joints["joints"], [[[5.5 / 8, 2.5 / 4, 1]]])


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("people") / "mpii", count=12, seed=0)
    return fpd.load_mpii(root, split="train")


def network(joints=16):
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    heatmaps = keras.layers.Conv2D(joints, 5, 4, "same", name="heatmaps")
    return keras.Model(image, heatmaps(image))


@pytest.fixture(scope="module", params=["none", "int8", "int16x8"])
def exported(request, people, tmp_path_factory):
    path = tmp_path_factory.mktemp("decode") / "student.tflite"
    options = {"quantization": request.param, "calibration_count": 4}
    return export_tflite(network(), path, samples=people, **options)


def test_a_file_with_decode_finds_what_its_heatmaps_say(exported):
    path = write_with_decode(exported)
    image = np.random.default_rng(0).random((1, SIZE, SIZE, 3), np.float32)
    joints, scores = decode_heatmaps(load_predictor(exported).heatmaps(image)[0])
    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    (received,) = runner(image=image)["joints"]
    np.testing.assert_allclose(SIZE * received[:, 1::-1] - 0.5, joints, atol=1e-3)
    np.testing.assert_allclose(received[:, 2], scores, atol=1e-6)


def test_the_network_stays_as_it_is_and_the_decode_is_float(exported):
    before, after = audit_tflite(exported), audit_tflite(write_with_decode(exported))
    assert after.outputs == (Tensor("joints", "float32", (1, 16, 3)),)
    assert after.inputs == before.inputs and after.problems == []
    for operator, count in before.operators.items():
        assert after.operators[operator] >= count
    if before.float_operators == ():
        assert "CONV_2D" not in after.float_operators and "LOG" in after.float_operators


def test_joint_names_travel_with_it(exported):
    path = write_with_decode(exported)
    assert path == joints_path(exported) and path.name == "student.joints.tflite"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("joints.txt").decode().split() == list(fpd.MPII.joints)


def test_files_of_other_outputs_are_refused(people, tmp_path):
    path = tmp_path / "s.tflite"
    options = {"quantization": "int8", "io": "uint8", "calibration_count": 4}
    export_tflite(network(), path, samples=people, **options)
    with pytest.raises(InputError, match=r"s.tflite: outputs: expected float32 heat"):
        write_with_decode(path)
    twice = schema.ModelT.InitFromPackedBuf(
        export_tflite(network(), path).read_bytes(), 0
    )
    twice.subgraphs *= 2
    (tmp_path / "two.tflite").write_bytes(bytes(convert_object_to_bytearray(twice)))
    with pytest.raises(InputError, match="expected one subgraph and .*: 2 and 1"):
        write_with_decode(tmp_path / "two.tflite")
    decoded = write_with_decode(export_tflite(network(), path))
    with pytest.raises(InputError, match=r"Received: \[\('joints', 'float32', 3\)\]"):
        write_with_decode(decoded)
