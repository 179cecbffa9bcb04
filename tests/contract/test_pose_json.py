import json

import jsonschema
import keras
import numpy as np
import pytest

from fpd_tf.codec import decode_heatmaps
from fpd_tf.contract import tflite_file
from fpd_tf.contract.pose_json import (
    contract_of,
    contract_path,
    contract_schema,
    describe,
    read_contract,
    write_contract,
)
from fpd_tf.contract.rules import crop_rule, rules_for
from fpd_tf.contract.tflite_file import Tensor, TfliteFile
from fpd_tf.errors import InputError
from fpd_tf.export.convert import export_tflite
from fpd_tf.joints import LSP, MPII, JointSet, numbered_joints
from fpd_tf.predictors.load import load_predictor


def exported(path, joints=14, seed=0, **options):
    """One convolution to heatmaps, as .tflite."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((64, 64, 3), name="image")
    heatmaps = keras.layers.Conv2D(joints, 5, 4, "same", name="heatmaps")(image)
    if joints == 14:
        options["joint_set"] = LSP
    return export_tflite(keras.Model(image, heatmaps), path, **options)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("contract") / "student.tflite")


@pytest.fixture
def written(model, tmp_path):
    """A model and its contract in a folder of their own."""
    copy = tmp_path / model.name
    copy.write_bytes(model.read_bytes())
    return write_contract(contract_path(copy), describe(copy))


def changed(path, **fields):
    content = json.loads(path.read_text())
    for field, value in fields.items():
        *rooms, name = field.split("__")
        part = content
        for room in rooms:
            part = part[room]
        part[name] = value
    path.write_text(json.dumps(content))
    return path


def test_a_contract_says_what_an_app_must_know(model):
    contract = describe(model, training_data="LSP", scores={"PCK@0.2": 47.9})
    image, heatmaps = contract.image, contract.heatmaps
    assert (image.name, image.dtype, image.size) == ("image", "float32", 64)
    assert (image.color_order, image.range) == ("RGB", (0.0, 1.0))
    assert (heatmaps.name, heatmaps.height, heatmaps.width) == ("heatmaps", 16, 16)
    assert heatmaps.stride == 4 and contract.joints == LSP.joints
    assert contract.flip_pairs == LSP.flip_pairs and contract.limbs == LSP.limbs
    assert contract.crop.hips == (2, 3) and contract.crop.shoulders == (8, 9)
    assert contract.training_data == "LSP" and contract.scores == {"PCK@0.2": 47.9}
    assert contract.joint_set.flip_order.tolist() == LSP.flip_order.tolist()


@pytest.mark.parametrize(
    ("quantization", "weights"), [("none", "float32"), ("float16", "float16")]
)
def test_the_type_of_most_weights_is_told(tmp_path, quantization, weights):
    path = exported(tmp_path / "m.tflite", quantization=quantization)
    assert describe(path).model.weights == weights


def test_the_decode_rule_is_that_of_decode_heatmaps(model):
    """With the constants told: a parabola through logarithms, floored and limited."""
    rule, stride = describe(model).decode, describe(model).heatmaps.stride
    values = np.array([0.0001, 0.5, 0.3])
    left, middle, right = np.log(np.maximum(values, rule.log_floor))
    move = (left - right) / (2 * (left - 2 * middle + right))
    heatmaps = np.tile(values, (3, 1))[..., None] * [[[0.1]], [[1.0]], [[0.1]]]
    joints, _ = decode_heatmaps(heatmaps, stride=stride)
    assert 0 < move < rule.max_move
    assert joints[0, 0] == pytest.approx(stride * (1 + move) + (stride - 1) / 2)
    flat = np.array([[[0.0], [0.5], [0.499999]]] * 3)
    joints, _ = decode_heatmaps(flat, stride=stride)
    assert joints[0, 0] == pytest.approx(
        stride * (1 + rule.max_move) + (stride - 1) / 2, abs=1e-3
    )


def test_a_written_contract_is_read_back(written, model):
    contract = read_contract(written)
    assert contract == describe(model) == contract_of(written.with_name(model.name))
    assert len(written.read_text().splitlines()) < 20


def test_reading_a_contract_runs_no_network(written, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network ran")

    monkeypatch.setattr(tflite_file, "_started", refuse)
    monkeypatch.setattr(tflite_file, "read_in_child", refuse)
    assert read_contract(written).heatmaps.stride == 4


def test_a_model_without_a_contract_gets_a_plain_one(model):
    assert not contract_path(model).exists()
    assert contract_of(model) == describe(model)


def test_joints_of_ones_own(tmp_path):
    path = exported(tmp_path / "hand.tflite", joints=3)
    own = JointSet("hand", ("wrist", "thumb", "finger"), (), ((0, 1), (0, 2)), {})
    contract = describe(path, joint_set=own)
    assert contract.joints == own.joints and contract.crop == crop_rule(own)
    assert contract.crop.hips == contract.crop.shoulders == (0, 1, 2)
    with pytest.raises(
        InputError, match="joints: expected 16, those of mpii. Rec.*: 3"
    ):
        describe(path, joint_set=MPII)


def test_joints_are_named_by_contract_file_or_number(written, tmp_path):
    model = written.with_name("student.tflite")
    own = JointSet("own", tuple(f"own_{name}" for name in LSP.joints))
    write_contract(written, describe(model, joint_set=own))
    assert contract_of(model).joint_set.joints == own.joints
    written.unlink()
    found = contract_of(model)
    assert (found.joint_set, found.rules) == (LSP, rules_for(LSP))
    nameless = contract_of(exported(tmp_path / "nameless.tflite", joints=16))
    joint_set, rules = nameless.joint_set, nameless.rules
    assert joint_set.joints == numbered_joints(16).joints
    assert joint_set.joints[15] == "joint_15"
    assert joint_set.limbs == () and rules.crop.hips == tuple(range(16))


def test_the_joints_of_a_contract_are_a_known_set_where_they_are_its_own(written):
    assert read_contract(written).joint_set is LSP
    assert read_contract(changed(written, limbs=[])).joint_set.limbs == ()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("version", 2, "version: expected at most 1"),
        ("version", "one", "version: expected 1"),
        ("image__size", 128, "expected stride x heatmap = image size"),
        ("image__color_order", "BGR", "image.color_order: expected 'RGB'"),
        (
            "image__range",
            [-1, 1],
            "image.range: expected (0.0, 1.0), as student.tflite has. Received: (-1.0",
        ),
        (
            "heatmaps__name",
            "output_0",
            "pose.json: heatmaps.name: expected heatmaps, as student.tflite has. Rece",
        ),
        (
            "joints",
            [*LSP.joints, "tail"],
            "joints: expected 14, as student.tflite has. Received: 15",
        ),
        ("joints", ["a"] * 14, "joints: expected names, each once. Received: ['a'] tw"),
        ("flip_pairs", [[0, 1], [1, 2]], "flip_pairs: expected each joint in one pair"),
        ("limbs", [[0, 14]], "expected indices of the 14 joints"),
        ("crop__hips", [-1], "expected indices of the 14 joints"),
        ("decode__log_floor", 0.01, "expected the decode rule of version 1"),
        ("smoothing__beta", None, "smoothing.beta: expected a valid number"),
        ("smoothing__beta", -1, "smoothing.beta: expected greater than or equal to 0"),
        ("smoothing__min_cutoff", 0, "smoothing.min_cutoff: expected greater than 0"),
        ("smoothing__derivative_cutoff", 0, "derivative_cutoff: expected greater than"),
        ("search__sides", [], "search.sides: expected "),
        ("search__sides", [0.001], "search.sides.0: expected greater than or equal"),
        ("crop__body_margin", 0, "crop.body_margin: expected greater than 0"),
        ("crop__torso_margin", -1, "crop.torso_margin: expected greater than 0"),
        ("crop__smallest", 0, "crop.smallest: expected greater than 0"),
        ("score__treshold", 0.3, "score.treshold: expected the fields of version 1"),
        ("model__sha256", "0" * 64, "SHA-256: expected 000000000000"),
    ],
)
def test_a_contract_that_does_not_fit_is_one_sentence(written, field, value, said):
    with pytest.raises(InputError) as refused:
        read_contract(changed(written, **{field: value}))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_pair_that_was_renamed_together_is_still_a_pair(written):
    model = written.with_name("student.tflite").rename(written.with_name("b.tflite"))
    renamed = written.rename(written.with_name("b.pose.json"))
    assert read_contract(renamed) == contract_of(model) == describe(model)
    assert read_contract(renamed).model.file == "b.tflite"


def test_a_contract_whose_model_is_gone_names_what_is_there(written):
    written.with_name("student.tflite").rename(written.with_name("b.tflite"))
    said = "model.file: student.tflite is not beside it; there is b.tflite"
    with pytest.raises(InputError, match=said):
        read_contract(written)


def test_an_output_that_is_no_heatmap_is_refused(written, monkeypatch):
    file = TfliteFile(written.with_name("student.tflite"))
    file.outputs = (Tensor("joints", "float32", (1, 1, 17, 3)),)
    with pytest.raises(InputError, match=r"heatmaps \(B, H, H, K\).* \(1, 1, 17, 3\)"):
        describe(file)
    file.outputs *= 2
    with pytest.raises(InputError, match="one input and one output. Received: 1 and 2"):
        describe(file)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("model__sha256", "0"),
        ("model__file", "../a"),
        ("image__size", 0),
        ("crop__hips", ["a"]),
        ("crop__new", 1),
        ("decode__rule", "argmax"),
        ("scores", {"PCK": "high"}),
    ],
)
def test_the_json_schema_takes_a_contract_and_refuses_others(written, field, value):
    jsonschema.validate(json.loads(written.read_text()), contract_schema())
    content = json.loads(changed(written, **{field: value}).read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, contract_schema())


def test_a_short_contract_is_no_whole_one(written):
    written.write_text(json.dumps({"version": 1, "joints": LSP.joints}))
    with pytest.raises(InputError, match="pose.json: model: it is a short one, which"):
        read_contract(written)


def test_the_contract_of_a_bundle_is_beside_its_model(written, tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    model = written.with_name("student.tflite").rename(folder / "pose.tflite")
    assert contract_path(model).name == "pose.pose.json"
    own = JointSet("own", tuple(f"own_{name}" for name in LSP.joints), (), ((0, 13),))
    write_contract(folder / "pose.json", describe(model, joint_set=own))
    assert contract_path(model) == folder / "pose.json"
    assert load_predictor(model).joint_set.limbs == ((0, 13),)
    write_contract(folder / "pose.pose.json", describe(model))
    assert load_predictor(model).joint_set is LSP


def test_a_contract_cut_short_is_refused(written):
    written.write_text(written.read_text()[:100])
    with pytest.raises(InputError, match="expected a contract"):
        read_contract(written)
    with pytest.raises(InputError, match="expected a contract"):
        read_contract(written.with_name("none.json"))


def test_a_contract_of_another_model_is_refused(written, tmp_path):
    exported(tmp_path / "student.tflite", seed=1)
    with pytest.raises(
        InputError, match=r"student.tflite: SHA-256: expected \w+\.\.\."
    ):
        read_contract(written)


def test_hips_and_shoulders_are_found_however_they_are_written():
    rule = crop_rule(JointSet("own", ("LHip", "hip_r", "Left Shoulder", "chip")))
    assert rule.hips == (0, 1) and rule.shoulders == (2,)


def test_a_contract_that_is_not_there_is_named_once(tmp_path):
    with pytest.raises(InputError, match="json.*Received: No such file or directory$"):
        read_contract(tmp_path / "none.pose.json")
