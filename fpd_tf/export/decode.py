"""A .tflite that decodes its heatmaps: joints as output.

The decoder is appended to a finished file after its DEQUANTIZE and computes in float;
quantized, coordinates would be on a grid of about two pixels.

H W heatmap, K joints.
"""

from pathlib import Path

import numpy as np

from fpd_tf.codec import LOG_FLOOR
from fpd_tf.contract.metadata import BUFFER, joint_set_within, with_metadata
from fpd_tf.contract.shapes import check_joint_set
from fpd_tf.contract.tflite_file import open_interpreter, read_tflite
from fpd_tf.errors import InputError
from fpd_tf.export.audit import audit_tflite
from fpd_tf.files import written_whole
from fpd_tf.joints import JointSet
from fpd_tf.quiet import quiet


def joints_path(model: str | Path) -> Path:
    """Path of the file that decodes: s.tflite -> s.joints.tflite."""
    return Path(model).with_suffix(".joints.tflite")


def write_with_decode(model: str | Path, *, joint_set: JointSet | None = None) -> Path:
    """Writes a file from `image` to `joints` [1, K, 3] beside one to `heatmaps`.

    A joint is (y, x, score) as in MoveNet: y and x from 0 to 1 over the crop, edge to
    edge, so that S * x - 0.5 is the pixel; decoded as by `decode_heatmaps`.

    Args:
        model: a .tflite of `export_tflite`, with float32 heatmaps.
        joint_set: of its heatmaps; those named inside the file where None.

    Raises:
        InputError: a bad file, or one of other outputs.

    Example:
        >>> from fpd_tf.export.decode import write_with_decode
        >>> write_with_decode("student.tflite").name
        'student.joints.tflite'
    """
    outputs = audit_tflite(model).outputs
    shapes = [(each.name, each.dtype, len(each.shape)) for each in outputs]
    if shapes != [("heatmaps", "float32", 4)]:
        expected = "float32 heatmaps [1, H, W, K] as the only output"
        raise InputError(model, "outputs", expected, shapes)
    _, height, width, joints = outputs[0].shape
    joint_set = joint_set or joint_set_within(model, joints)
    check_joint_set(model, joints, joint_set)
    parsed = read_tflite(model)
    parts = len(parsed.subgraphs), len(parsed.signatureDefs or ())
    if parts != (1, 1):
        expected = "one subgraph and one signature, as `export_tflite` writes them"
        raise InputError(model, "", expected, f"{parts[0]} and {parts[1]}")
    parsed.metadata = [each for each in parsed.metadata or () if each.name != BUFFER]
    content = _grafted(parsed, _decoder(height, width, joints))
    with written_whole(joints_path(model)) as aside:
        aside.write_bytes(with_metadata(content, joint_set))
        open_interpreter(aside)
    return joints_path(model)


def _decoder(height, width, joints) -> bytes:
    """`decode_heatmaps` as a .tflite of built-in operators."""
    import tensorflow as tf

    shape = (1, height, width, joints)
    spec = tf.TensorSpec(shape, tf.float32, name="heatmaps")
    firsts = np.arange(joints, dtype=np.int32) * (height * width)

    @tf.function(input_signature=[spec])
    def decode(heatmaps):
        cells = tf.reshape(heatmaps, (height * width, joints))
        peaks = tf.argmax(cells, axis=0, output_type=tf.int32)
        values = tf.reshape(tf.transpose(cells), (-1,))
        rows, columns = peaks // width, peaks % width

        def value(row, column):
            row = tf.clip_by_value(row, 0, height - 1)
            column = tf.clip_by_value(column, 0, width - 1)
            return tf.gather(values, firsts + row * width + column)

        def move(at, last, before, after):
            left, middle, right = (
                tf.math.log(tf.maximum(each, LOG_FLOOR))
                for each in (before, value(rows, columns), after)
            )
            bend = left - 2 * middle + right
            inside = (at > 0) & (at < last) & (bend < 0)
            moved = (left - right) / (2 * tf.where(inside, bend, 1.0))
            return tf.where(inside, moved, 0.0)

        above, below = value(rows - 1, columns), value(rows + 1, columns)
        before, after = value(rows, columns - 1), value(rows, columns + 1)
        y = tf.cast(rows, tf.float32) + move(rows, height - 1, above, below)
        x = tf.cast(columns, tf.float32) + move(columns, width - 1, before, after)
        score = value(rows, columns)
        found = [(y + 0.5) / height, (x + 0.5) / width, score]
        return {"joints": tf.stack(found, axis=-1)[None]}

    concrete = decode.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module())
    with quiet():
        return converter.convert()


def _grafted(model, decoder: bytes) -> bytes:
    """One file of two: what `model` gives goes into `decoder`."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

    graft = schema.ModelT.InitFromPackedBuf(decoder, 0)
    (trunk,), (branch,) = model.subgraphs, graft.subgraphs
    first_buffer, first_code = len(model.buffers), len(model.operatorCodes)
    first_tensor = len(trunk.tensors)
    moved = {index: first_tensor + index for index in range(len(branch.tensors))}
    moved |= {-1: -1, int(branch.inputs[0]): int(trunk.outputs[0])}
    for tensor in branch.tensors:
        tensor.buffer += first_buffer
        tensor.name = b"decode/" + tensor.name
    for operator in branch.operators:
        operator.opcodeIndex += first_code
        operator.inputs = [moved[int(index)] for index in operator.inputs]
        operator.outputs = [moved[int(index)] for index in operator.outputs]
    model.buffers += graft.buffers
    model.operatorCodes += graft.operatorCodes
    trunk.tensors += branch.tensors
    trunk.operators += branch.operators
    trunk.outputs = [moved[int(index)] for index in branch.outputs]
    (signature,), (decoding,) = model.signatureDefs, graft.signatureDefs
    signature.outputs = decoding.outputs
    for each in signature.outputs:
        each.tensorIndex = moved[each.tensorIndex]
    return bytes(convert_object_to_bytearray(model))
