"""TFLite metadata inside the file, for readers without pose.json.

Written by hand after `metadata_schema.fbs` 1.5.0 of tflite-support: no writer of it
installs beside TensorFlow today. The schema has no content type for joints: their names
are labels of the last axis of `heatmaps`, in a file zipped to the end of the .tflite.
"""

import io
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np

from fpd_tf.contract.tflite_file import dtype_of
from fpd_tf.errors import InputError
from fpd_tf.joint_names import flip_pairs_by_name
from fpd_tf.joints import JOINT_SETS, JointSet

BUFFER, IDENTIFIER = b"TFLITE_METADATA", b"M001"
LABELS = "joints.txt"
MOST_BYTES = 2**16
LEVELS = {"float32": (0, 1), "uint8": (0, 255), "int8": (-128, 127)}

OUTPUTS = {
    4: (
        "heatmaps",
        "[1, height, width, joint]: largest where the joint is; that value is its "
        "score, about 0 (absent) to 1 (certain).",
    ),
    3: (
        "joints",
        "[1, joint, 3]: y and x in parts of the crop, 0 and 1 its edges, and score, "
        "about 0 (absent) to 1 (certain).",
    ),
}

MODEL = (
    *("name", "description", "version", "subgraph_metadata", "author", "license"),
    *("associated_files", "min_parser_version"),
)
SUBGRAPH = ("name", "description", "input_tensor_metadata", "output_tensor_metadata")
TENSOR = (
    *("name", "description", "dimension_names", "content", "process_units", "stats"),
    "associated_files",
)
CONTENT = ("content_properties_type", "content_properties")
FEATURE = ()
IMAGE = ("color_space", "default_size")
IMAGE_SIZE = ("width", "height")
PROCESS = ("options_type", "options")
NORMALIZATION = ("mean", "std")
STATS = ("max", "min")
FILE = ("name", "description", "type")

_FEATURE, _IMAGE, _NORMALIZATION, _RGB, _AXIS_LABELS = 1, 2, 1, 1, 2
_BYTES = {"content_properties_type", "color_space", "options_type", "type"}
_WORDS = {"width", "height"}


def with_metadata(model: bytes, joint_set: JointSet | None) -> bytes:
    """A .tflite with metadata: how to fill `image`, what comes out.

    Args:
        model: content of a .tflite from `image` [1, S, S, 3] to `heatmaps` [1, H, W, K]
            or `joints` [1, K, 3].
        joint_set: of the output; None for joints without names.

    Example:
        >>> import zipfile
        >>> zipfile.ZipFile("student.tflite").read("joints.txt").split()[0]
        b'right_ankle'
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    subgraph = parsed.subgraphs[0]
    ends = (subgraph.inputs[0], subgraph.outputs[0])
    image, output = (subgraph.tensors[index] for index in ends)
    content = _metadata(image, output, joint_set)
    parsed.buffers.append(schema.BufferT(data=np.frombuffer(content, np.uint8)))
    entry = schema.MetadataT(name=BUFFER, buffer=len(parsed.buffers) - 1)
    parsed.metadata = [*(parsed.metadata or ()), entry]
    file = io.BytesIO(convert_object_to_bytearray(parsed))
    if joint_set:
        names = "\n".join(joint_set.joints) + "\n"
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(zipfile.ZipInfo(LABELS), names)
    return file.getvalue()


def joint_set_within(model: str | Path, num_joints: int) -> JointSet | None:
    """The joints named in the metadata of a .tflite; None without names.

    Limbs and flip pairs are not stored: known joint sets have them, and the names of
    others give their flip pairs.

    Args:
        model: the file.
        num_joints: K, of its output.

    Raises:
        InputError: damaged names, or not K of them.

    Example:
        >>> from fpd_tf.contract.metadata import joint_set_within
        >>> joint_set_within("student.tflite", 16).name
        'mpii'
    """
    if not zipfile.is_zipfile(model):
        return None
    expected = f"{num_joints} names in it"
    try:
        with zipfile.ZipFile(model) as archive:
            if LABELS not in archive.namelist():
                return None
            with archive.open(LABELS) as file:
                names = tuple(file.read(MOST_BYTES).decode().splitlines())
    except Exception as error:  # zipfile raises a dozen kinds for damaged files
        raise InputError(model, LABELS, expected, error) from error
    if len(names) != num_joints:
        raise InputError(model, LABELS, expected, len(names))
    for known in JOINT_SETS.values():
        if known.joints == names:
            return known
    return JointSet(Path(model).name, names, flip_pairs_by_name(names))


def _metadata(image, output, joint_set):
    builder = flatbuffers.Builder()
    subgraph = _table(
        builder,
        SUBGRAPH,
        input_tensor_metadata=[_image(builder, image)],
        output_tensor_metadata=[_output(builder, output, joint_set)],
    )
    model = _table(
        builder,
        MODEL,
        name="fpd_tf pose network",
        description="Joints of the person in a square crop, one heatmap each. What "
        "an app must know besides stands in the pose.json beside this file.",
        subgraph_metadata=[subgraph],
        min_parser_version="1.0.0",
    )
    builder.Finish(model, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _image(builder, tensor):
    _, height, width, _ = map(int, tensor.shape)
    smallest, largest = LEVELS[dtype_of(tensor)]
    size = _table(builder, IMAGE_SIZE, width=width, height=height)
    image = _table(builder, IMAGE, color_space=_RGB, default_size=size)
    content = _table(
        builder, CONTENT, content_properties_type=_IMAGE, content_properties=image
    )
    scaled = _table(builder, NORMALIZATION, mean=[0.0], std=[255.0])
    unit = _table(builder, PROCESS, options_type=_NORMALIZATION, options=scaled)
    stats = _table(builder, STATS, max=[float(largest)], min=[float(smallest)])
    return _table(
        builder,
        TENSOR,
        name="image",
        description="Square RGB crop around one person: (level - mean) / std, then in "
        "an integer file its own scale.",
        content=content,
        process_units=[unit],
        stats=stats,
    )


def _output(builder, tensor, joint_set):
    name, description = OUTPUTS[len(tensor.shape)]
    feature = _table(builder, FEATURE)
    content = _table(
        builder, CONTENT, content_properties_type=_FEATURE, content_properties=feature
    )
    labels = {"associated_files": [_labels(builder, joint_set)]} if joint_set else {}
    return _table(
        builder, TENSOR, name=name, description=description, content=content, **labels
    )


def _labels(builder, joint_set):
    return _table(
        builder,
        FILE,
        name=LABELS,
        description=f"The {joint_set.num_joints} joints of {joint_set.name}.",
        type=_AXIS_LABELS,
    )


def _table(builder, schema, **fields):
    """A table whose slots stand in the order of `schema`."""
    placed = {name: _placed(builder, value) for name, value in fields.items()}
    builder.StartObject(len(schema))
    for slot, name in enumerate(schema):
        if name in _BYTES & placed.keys():
            builder.PrependUint8Slot(slot, placed[name], 0)
        elif name in _WORDS & placed.keys():
            builder.PrependUint32Slot(slot, placed[name], 0)
        elif name in placed:
            builder.PrependUOffsetTRelativeSlot(slot, placed[name], 0)
    return builder.EndObject()


def _placed(builder, value):
    """A number as it is, or the offset of a string, a vector or a table."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if not isinstance(value, list):
        return value
    if isinstance(value[0], float):
        return builder.CreateNumpyVector(np.float32(value))
    builder.StartVector(4, len(value), 4)
    for offset in reversed(value):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
