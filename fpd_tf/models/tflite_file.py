"""A .tflite file read without trusting it: parsed in Python before any native code."""

from math import prod
from pathlib import Path

from fpd_tf.errors import InputError

_BYTES = {"float32": 4, "float16": 2, "int8": 1, "uint8": 1, "int16": 2, "int32": 4}


def read_tflite(path: str | Path):
    """Reads a .tflite and checks that everything it points at is there.

    Args:
        path: the file.

    Returns:
        Its `ai_edge_litert.schema_py_generated.ModelT`.

    Raises:
        InputError: no such file, another format, or damaged.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.tflite_file import read_tflite
        >>> network = fpd.build_model("hourglass_4x32", input_size=64)
        >>> model = read_tflite(fpd.export_tflite(network, "student.tflite"))
        >>> len(model.subgraphs)
        1
    """
    from ai_edge_litert import schema_py_generated as schema

    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(path, "", "a .tflite file", error.strerror) from error
    if content[4:8] != b"TFL3":
        raise InputError(path, "", "a .tflite file", content[:8])
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        _check(model)
    except Exception as error:  # the parser trusts its bytes and stumbles anyhow
        raise InputError(path, "", "an undamaged .tflite file", repr(error)) from error
    return model


def open_interpreter(path: str | Path, threads: int = 2):
    """A LiteRT interpreter that has run the file once.

    Raises:
        InputError: the file is bad, or the runtime refuses it.
    """
    from ai_edge_litert.interpreter import Interpreter

    read_tflite(path)
    try:
        interpreter = Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(path, "", "a network that runs", reason) from error
    return interpreter


def dtype_of(tensor) -> str:
    """The element type of a `TensorT` by name, such as "int8"."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.TensorType).items()}
    return names[tensor.type].lower()


def _check(model):
    """Indices lie within what they count, constants have their shape's bytes."""
    for code in model.operatorCodes:
        (code.customCode or b"").decode()
    for subgraph in model.subgraphs:
        count = len(subgraph.tensors)
        for tensor in subgraph.tensors:
            (tensor.name or b"").decode()
            _check_constant(tensor, _at(model.buffers, tensor.buffer).data)
        for operator in subgraph.operators:
            _at(model.operatorCodes, operator.opcodeIndex)
            used = [*operator.inputs, *operator.outputs]
            _check_indices(used, count, lowest=-1)
            _check_scales([subgraph.tensors[index] for index in used if index >= 0])
        _check_indices([*subgraph.inputs, *subgraph.outputs], count)
    for signature in model.signatureDefs or ():
        count = len(_at(model.subgraphs, signature.subgraphIndex).tensors)
        for named in (*signature.inputs, *signature.outputs):
            named.name.decode()
            _check_indices([named.tensorIndex], count)


def _at(items, index):
    _check_indices([index], len(items))
    return items[index]


def _check_indices(indices, count, lowest=0):
    for index in indices:
        if not lowest <= index < count:
            raise IndexError(f"{index} of {count}")


def _check_constant(tensor, data):
    shape = () if tensor.shape is None else tuple(map(int, tensor.shape))
    if min(shape, default=1) < 0 or prod(shape) > 2**31:
        raise ValueError(f"shape {shape}")
    size = _BYTES.get(dtype_of(tensor))
    if size and data is not None and not tensor.sparsity:
        if len(data) != prod(shape) * size:
            raise ValueError(f"{len(data)} bytes for shape {shape}")


def _check_scales(tensors):
    """XNNPACK aborts the process over an integer operator with a scale missing."""
    integer = [each for each in tensors if dtype_of(each) in ("int8", "uint8", "int16")]
    scales = [each.quantization and each.quantization.scale for each in integer]
    missing = [scale is None or not len(scale) or not min(scale) > 0 for scale in scales]
    if any(missing) and not all(missing):
        raise ValueError("a quantized tensor without scale")
