"""What a file from outside may never do: run code, or reach out of its folder."""

import ast
import json
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import fpd_tf
from fpd_tf.bundle.folders import MANIFEST, bundle, check_bundle
from fpd_tf.contract.pose_json import read_contract
from fpd_tf.contract.tflite_file import open_interpreter, read_tflite
from fpd_tf.errors import InputError
from fpd_tf.export.decode import write_with_decode
from fpd_tf.models.keras_file import load_network
from fpd_tf.training.checkpoint import STATE, restore

HELD = Path(__file__).with_name("golden")
RUNS_CODE = {"pickle", "dill", "joblib", "shelve", "marshal", "eval", "exec"}


def names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", ""))
            yield from (each.arg for each in node.keywords if not _is_false(each))


def _is_false(keyword):
    return getattr(keyword.value, "value", None) is False


def test_nothing_that_is_read_can_be_code():
    for path in Path(fpd_tf.__file__).parent.rglob("*.py"):
        found = set(names(ast.parse(path.read_text())))
        assert not found & {*RUNS_CODE, "allow_pickle", "enable_unsafe_deserialization"}


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


def test_a_checkpoint_with_a_pickle_is_refused_and_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / STATE).parent.mkdir()
    trap = np.array([Trap()], object)
    np.savez(tmp_path / STATE, history="[]", variable0=trap, allow_pickle=True)
    network = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    with pytest.raises(InputError, match="a whole checkpoint.*Object arrays"):
        restore(tmp_path, network, keras.optimizers.SGD())
    assert not Path("sprung").exists()


def test_a_network_with_code_inside_is_refused(tmp_path):
    image = keras.Input((8, 8, 3))
    plus_one = keras.layers.Lambda(lambda x: x + 1)(image)
    keras.Model(image, plus_one).save(tmp_path / "trap.keras")
    with pytest.raises(InputError, match="trap.keras: .* `Lambda`"):
        load_network(tmp_path / "trap.keras")


def test_a_changed_bit_in_a_networks_weights_is_noticed(tmp_path):
    path = Path(shutil.copy(HELD / "tiny.keras", tmp_path / "a.keras"))
    with zipfile.ZipFile(path) as file:
        weights = file.getinfo("model.weights.h5")
    kernel = load_network(path).get_layer("wide").get_weights()[0].tobytes()
    content = bytearray(path.read_bytes())
    at = content.index(kernel)
    assert weights.header_offset < at < weights.header_offset + weights.file_size
    content[at + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="a.keras: .* Bad CRC-32"):
        load_network(path)


def test_a_tflite_that_crashes_the_runtime_is_refused(tmp_path):
    """LiteRT 2.3 gives a variable no memory where a kernel has none of its own."""
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

    path = write_with_decode(shutil.copy(HELD / "tiny.tflite", tmp_path))
    model = read_tflite(path)
    for tensor in model.subgraphs[0].tensors:
        tensor.isVariable = tensor.name.startswith(b"decode/mul")
    path.write_bytes(convert_object_to_bytearray(model))
    with pytest.raises(InputError, match=r"its reader crashed \(SIGSEGV\)"):
        open_interpreter(path)


def test_a_bundle_lists_no_file_outside_of_it(tmp_path):
    folder = bundle(HELD / "tiny.tflite", tmp_path / "bundle")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"]["../secret"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(InputError, match="bundle.json: expected the list of a bundle"):
        check_bundle(folder)


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "..", ".", "", "a/b", "a\0b"])
def test_a_contract_names_a_file_beside_it(tmp_path, name):
    path = tmp_path / "tiny.pose.json"
    content = json.loads((HELD / path.name).read_text())
    content["model"]["file"] = name
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="tiny.pose.json: model.file: expected"):
        read_contract(path)


def test_a_contract_nested_too_deep_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[" * 10**6)
    with pytest.raises(InputError, match="a.json: expected a contract"):
        read_contract(tmp_path / "a.json")
