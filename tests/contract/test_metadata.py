import zipfile

import flatbuffers
import keras
import pytest
from ai_edge_litert.interpreter import Interpreter
from flatbuffers.table import Table

import fpd_tf as fpd
from fpd_tf.contract import metadata
from fpd_tf.contract.metadata import joint_set_within
from fpd_tf.contract.tflite_file import read_tflite
from fpd_tf.errors import InputError
from fpd_tf.export.convert import export_tflite

UNIT = flatbuffers.number_types


def network(joints):
    image = keras.Input((32, 32, 3), name="image")
    heatmaps = keras.layers.Conv2D(joints, 5, 4, "same", name="heatmaps")
    return keras.Model(image, heatmaps(image))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("metadata")


@pytest.fixture(scope="module")
def people(folder):
    return fpd.load_mpii(fpd.synthesize(folder / "people", count=12), split="train")


@pytest.fixture(scope="module")
def float_file(folder):
    return export_tflite(network(16), folder / "float.tflite", joint_set=fpd.MPII)


def stored(path):
    """The metadata of a file, as the standard readers find it: by its name."""
    model = read_tflite(path)
    (entry,) = [each for each in model.metadata if each.name == metadata.BUFFER]
    return bytes(model.buffers[entry.buffer].data)


class Node:
    """A table read by the slots of the published schema."""

    def __init__(self, data, position, fields):
        self.table, self.fields = Table(data, position), fields

    def _at(self, name):
        offset = self.table.Offset(4 + 2 * self.fields.index(name))
        assert offset, f"no {name}"
        return offset

    def number(self, name, kind):
        return self.table.Get(kind, self.table.Pos + self._at(name))

    def string(self, name):
        return self.table.String(self.table.Pos + self._at(name)).decode()

    def floats(self, name):
        return self.table.GetVectorAsNumpy(UNIT.Float32Flags, self._at(name)).tolist()

    def node(self, name, fields):
        position = self.table.Indirect(self.table.Pos + self._at(name))
        return Node(self.table.Bytes, position, fields)

    def only(self, name, fields):
        offset = self._at(name)
        assert self.table.VectorLen(offset) == 1
        position = self.table.Indirect(self.table.Vector(offset))
        return Node(self.table.Bytes, position, fields)


def subgraph_of(path):
    data = stored(path)
    root = UNIT.UOffsetTFlags.py_type(int.from_bytes(data[:4], "little"))
    model = Node(data, root, metadata.MODEL)
    assert model.string("min_parser_version") == "1.0.0"
    return model.only("subgraph_metadata", metadata.SUBGRAPH)


def image_of(path):
    return subgraph_of(path).only("input_tensor_metadata", metadata.TENSOR)


def test_the_identifier_is_that_of_the_schema(float_file):
    assert stored(float_file)[4:8] == b"M001"


def test_normalisation_colours_and_size_are_read_back(float_file):
    image = image_of(float_file)
    assert image.string("name") == "image"
    unit = image.only("process_units", metadata.PROCESS)
    assert unit.number("options_type", UNIT.Uint8Flags) == 1
    scaled = unit.node("options", metadata.NORMALIZATION)
    assert (scaled.floats("mean"), scaled.floats("std")) == ([0.0], [255.0])
    content = image.node("content", metadata.CONTENT)
    assert content.number("content_properties_type", UNIT.Uint8Flags) == 2
    properties = content.node("content_properties", metadata.IMAGE)
    assert properties.number("color_space", UNIT.Uint8Flags) == 1
    size = properties.node("default_size", metadata.IMAGE_SIZE)
    assert size.number("width", UNIT.Uint32Flags) == 32


def test_joint_names_are_labels_zipped_to_the_file(float_file):
    heatmaps = subgraph_of(float_file).only("output_tensor_metadata", metadata.TENSOR)
    labels = heatmaps.only("associated_files", metadata.FILE)
    assert labels.number("type", UNIT.Uint8Flags) == 2
    with zipfile.ZipFile(float_file) as archive:
        names = archive.read(labels.string("name")).decode().splitlines()
    assert tuple(names) == fpd.MPII.joints


@pytest.mark.parametrize(
    ("options", "levels"),
    [
        ({"quantization": "float16"}, (0, 1)),
        ({"quantization": "int16x8"}, (0, 1)),
        ({"quantization": "int8"}, (0, 1)),
        ({"quantization": "int8", "io": "uint8"}, (0, 255)),
        ({"quantization": "int8", "io": "int8"}, (-128, 127)),
    ],
)
def test_every_variant_says_its_levels_and_runs(options, levels, people, folder):
    path = folder / f"{'_'.join(options.values())}.tflite"
    export_tflite(network(16), path, samples=people, calibration_count=4, **options)
    stats = image_of(path).node("stats", metadata.STATS)
    assert (*stats.floats("min"), *stats.floats("max")) == levels
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.invoke()


def test_what_the_converter_wrote_is_kept(float_file):
    names = [entry.name for entry in read_tflite(float_file).metadata]
    assert names == [b"min_runtime_version", b"CONVERSION_METADATA", metadata.BUFFER]


def test_the_same_network_gives_the_same_bytes(folder):
    model = network(16)
    one, other = (export_tflite(model, folder / f"{name}.tflite") for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_joints_that_nobody_named_have_no_labels(folder):
    path = export_tflite(network(3), folder / "three.tflite")
    assert not zipfile.is_zipfile(path)
    assert image_of(path).string("name") == "image"


def test_the_joints_inside_are_known_by_their_names(folder, float_file):
    assert joint_set_within(float_file, 16) is fpd.MPII
    star = fpd.JointSet("star", ("tip 1", "a", "b", "c", "d"), (), ((0, 1),), {})
    path = export_tflite(network(5), folder / "star.tflite", joint_set=star)
    within = joint_set_within(path, 5)
    assert (within.joints, within.limbs) == (star.joints, ())
    paws = fpd.JointSet("paws", ("left_paw", "nose", "right_paw"), ((2, 0),))
    path = export_tflite(network(3), folder / "paws.tflite", joint_set=paws)
    assert joint_set_within(path, 3).flip_pairs == paws.flip_pairs
    path = folder / "star.tflite"
    assert joint_set_within(export_tflite(network(3), folder / "3.tflite"), 3) is None
    with pytest.raises(InputError, match="joints.txt: expected 4 names.*Received: 5"):
        joint_set_within(path, 4)


@pytest.mark.parametrize("labels", [b"\xff\n" * 16, b"a\n" * 2**20])
def test_damaged_labels_are_refused(float_file, tmp_path, labels):
    path = tmp_path / "damaged.tflite"
    path.write_bytes(b"nothing")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(metadata.LABELS, labels)
    with pytest.raises(InputError, match="damaged.tflite: joints.txt: expected 16"):
        joint_set_within(path, 16)


def test_a_joint_set_of_another_size_is_refused(folder):
    with pytest.raises(
        InputError, match="joints: expected 14, those of lsp. Received: 16"
    ):
        export_tflite(network(16), folder / "wrong.tflite", joint_set=fpd.LSP)
    assert not (folder / "wrong.tflite").exists()
