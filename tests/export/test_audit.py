import json
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from fpd_tf.contract.tflite_file import Tensor
from fpd_tf.errors import InputError
from fpd_tf.export.audit import BINDINGS, audit_tflite
from fpd_tf.quiet import quiet

OPS = tf.lite.OpsSet


def write(path, function, shape=(1, 4, 4, 3), *, dtype=tf.float32, flex=False):
    specification = tf.TensorSpec(shape, dtype, name="image")

    @tf.function(input_signature=[specification])
    def serve(image):
        return {"heatmaps": function(image)}

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [serve.get_concrete_function()], tf.Module()
    )
    if flex:
        converter.target_spec.supported_ops = [OPS.TFLITE_BUILTINS, OPS.SELECT_TF_OPS]
    with quiet():
        path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "plain.tflite"
    kernel = np.ones((1, 1, 3, 2), np.float32)
    return write(
        path, lambda image: tf.nn.conv2d(image, kernel, 1, "SAME") + image[..., :1]
    )


def test_a_plain_file_is_described_and_loads_everywhere(plain):
    audit = audit_tflite(plain)
    assert audit.size == plain.stat().st_size
    assert audit.inputs == (Tensor("image", "float32", (1, 4, 4, 3)),)
    assert audit.outputs == (Tensor("heatmaps", "float32", (1, 4, 4, 2)),)
    assert {name: count for (name, _), count in audit.operators.items()} == {
        "CONV_2D": 1,
        "STRIDED_SLICE": 1,
        "ADD": 1,
    }
    assert audit.float_operators.count("CONV_2D") == 1
    assert (audit.max_rank, audit.is_static, audit.custom_operators) == (4, True, ())
    assert audit.partitions >= 1 and audit.problems == []
    assert audit.loaded_by == list(BINDINGS)


@pytest.mark.parametrize(
    ("dtype", "refused"),
    [
        (tf.uint8, {"kotlin_compiled_model"}),
        (tf.int8, {"litert_js"}),
        (tf.int64, {"litert_js"}),
        (
            tf.int16,
            {"kotlin_compiled_model", "kotlin_interpreter", "swift", "litert_js"},
        ),
    ],
)
def test_bindings_refuse_by_the_types_they_do_not_know(dtype, refused, tmp_path):
    path = write(tmp_path / "a.tflite", lambda image: image[:, ::2], dtype=dtype)
    audit = audit_tflite(path)
    assert set(audit.refusals) == refused
    assert f"refuses it: `image` is {dtype.name}" in audit.problems[0]
    assert set(audit.loaded_by) == BINDINGS.keys() - refused
    values = json.loads(json.dumps(audit.as_dict()))
    assert values["problems"] == audit.problems
    assert values["operators"][0]["name"] == "STRIDED_SLICE"
    assert values["operators"][0]["count"] == 1


def test_a_batch_that_is_not_fixed_is_refused_by_the_browser(tmp_path):
    path = write(tmp_path / "a.tflite", lambda image: image * 2, shape=(None, 4, 4, 3))
    audit = audit_tflite(path)
    assert not audit.is_static
    assert audit.refusals == {"litert_js": "`image` has shape [-1, 4, 4, 3]"}


def test_flex_operators_are_refused_by_every_binding(tmp_path):
    def bicubic(image):
        return tf.image.resize(image, (8, 8), "bicubic")

    audit = audit_tflite(write(tmp_path / "a.tflite", bicubic, flex=True))
    assert audit.custom_operators == ("FlexResizeBicubic",)
    assert audit.partitions is None and len(audit.refusals) == 4
    assert "not built in: FlexResizeBicubic" in audit.problems[0]


def test_tensors_of_five_axes_are_a_problem(tmp_path):
    up = keras.layers.UpSampling2D(interpolation="nearest")
    audit = audit_tflite(write(tmp_path / "a.tflite", up))
    assert audit.max_rank == 5
    assert audit.problems == ["mobile GPUs refuse it: a tensor has 5 dimensions"]


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"", "an empty file"),
        (b"TFL3", "another format"),
        (b"\x89PNG\r\n\x1a\n", "another format"),
        (b"PK\x03\x04", "a zip file, as .keras files are"),
        (b'{"version": 1}', "JSON; give the .tflite that it stands beside"),
    ],
)
def test_foreign_files_are_refused(content, received, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(content)
    said = f"a.tflite: expected a .tflite file. Received: {received}$"
    with pytest.raises(InputError, match=said):
        audit_tflite(path)
    with pytest.raises(InputError, match="No such file"):
        audit_tflite(tmp_path / "missing.tflite")
    with pytest.raises(InputError, match="Is a directory"):
        audit_tflite(tmp_path)


def test_a_file_cut_off_anywhere_is_refused(plain, tmp_path):
    content, path = plain.read_bytes(), tmp_path / "cut.tflite"
    for length in range(0, len(content) - 64, 61):
        path.write_bytes(content[:length])
        with pytest.raises(InputError) as refusal:
            audit_tflite(path)
        said = str(refusal.value)
        assert length < 8 or said.endswith("Received: one that is cut short"), said


def test_damage_is_refused_or_harmless(plain, tmp_path):
    path, refused = tmp_path / "damaged.tflite", 0
    for seed in range(100):
        chance = random.Random(seed)
        content = bytearray(plain.read_bytes())
        for _ in range(4):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            audit_tflite(path)
        except InputError:
            refused += 1
    assert 50 < refused < 100


def test_indices_that_point_nowhere_are_damage(plain, tmp_path):
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

    def break_tensor(model):
        model.subgraphs[0].operators[0].inputs = np.array([99], np.int32)

    def break_buffer(model):
        model.subgraphs[0].tensors[0].buffer = 99

    def break_operator(model):
        model.subgraphs[0].operators[0].opcodeIndex = 99

    def break_signature(model):
        model.signatureDefs[0].outputs[0].tensorIndex = 99

    def break_shape(model):
        for tensor in model.subgraphs[0].tensors:
            tensor.shape = np.array([3], np.int32)

    def break_subgraphs(model):
        model.subgraphs, model.signatureDefs = [], []

    for harm in (
        break_subgraphs,
        break_tensor,
        break_buffer,
        break_operator,
        break_signature,
        break_shape,
    ):
        model = schema.ModelT.InitFromPackedBuf(plain.read_bytes(), 0)
        harm(model)
        path = tmp_path / "harmed.tflite"
        path.write_bytes(convert_object_to_bytearray(model))
        with pytest.raises(InputError, match="an undamaged .tflite file"):
            audit_tflite(path)
