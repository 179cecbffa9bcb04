"""Untrusted .tflite files: parsed and checked in Python before any native code.

A file that passes may still crash the runtime. So each file without a matching checksum
in a pose.json first runs once in a child process.
"""

import struct
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from math import inf, prod
from pathlib import Path

from fpd_tf.errors import InputError
from fpd_tf.quiet import quiet
from fpd_tf.sandbox import answer, read_in_child

_BYTES = {"float32": 4, "float16": 2, "int8": 1, "uint8": 1, "int16": 2, "int32": 4}
_OTHERS = {
    b"{": "JSON; give the .tflite that it stands beside",
    b"PK\x03\x04": "a zip file, as .keras files are",
    b"": "another format",
}
_QUANTIZED = ("int8", "uint8", "int16")
_ran: set[str] = set()


@dataclass(frozen=True)
class Tensor:
    """An input or output: -1 in `shape` where it is not fixed."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class TfliteFile:
    """A .tflite that was read and checked once, before native code uses it.

    Args:
        path: the file.

    Attributes:
        path: as given.
        content: its bytes.
        model: its `ai_edge_litert.schema_py_generated.ModelT`.

    Raises:
        InputError: no such file, another format, or damaged.

    Example:
        >>> from fpd_tf.contract.tflite_file import TfliteFile
        >>> file = TfliteFile("student.tflite")
        >>> file.outputs[0].name, file.outputs[0].shape
        ('heatmaps', (1, 16, 16, 16))
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.model, self.content = _parsed(self.path)

    @cached_property
    def sha256(self) -> str:
        """Of the content, hexadecimal."""
        return sha256(self.content).hexdigest()

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs."""
        return inputs_and_outputs(self.model)[0]

    @cached_property
    def outputs(self) -> tuple[Tensor, ...]:
        """The outputs."""
        return inputs_and_outputs(self.model)[1]

    def interpreter(self, threads: int = 2, *, trusted: bool = False):
        """A LiteRT interpreter that has run the file once.

        A file that this process has not run before first runs in a child process: 0.2
        s.

        Args:
            threads: of the interpreter.
            trusted: whether a pose.json has its checksum; then no child process runs.

        Raises:
            InputError: the runtime cannot load the file, or crashes.
        """
        if not trusted and self.sha256 not in _ran:
            read_in_child(__name__, self.path, "a network that runs")
            _ran.add(self.sha256)
        with quiet():
            try:
                return _started(self.content, threads)
            except (RuntimeError, ValueError) as error:
                reason = str(error).partition("\n")[0]
                raise InputError(
                    self.path, "", "a network that runs", reason
                ) from error


def read_tflite(path: str | Path):
    """The `ModelT` of a `TfliteFile`."""
    return TfliteFile(path).model


def open_interpreter(path: str | Path, threads: int = 2):
    """The interpreter of an untrusted `TfliteFile`."""
    return TfliteFile(path).interpreter(threads)


def main():
    """In the child: runs the file named on the command line once."""
    answer(_ran_once)


def _parsed(path):
    """The file as a `ModelT`, and its bytes."""
    from ai_edge_litert import schema_py_generated as schema

    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(path, "", "a .tflite file", error.strerror) from error
    if not content:
        raise InputError(path, "", "a .tflite file", "an empty file")
    if content[4:8] != b"TFL3":
        kind = next(_OTHERS[start] for start in _OTHERS if content.startswith(start))
        raise InputError(path, "", "a .tflite file", kind)
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        _check(model)
    except struct.error as error:  # of the parser, at the end of what is there
        expected, received = "an undamaged .tflite file", "one that is cut short"
        raise InputError(path, "", expected, received) from error
    except Exception as error:  # the parser trusts its bytes and stumbles anyhow
        raise InputError(path, "", "an undamaged .tflite file", repr(error)) from error
    return model, content


def _ran_once(path):
    _started(path.read_bytes(), threads=2)
    return "whole"


def _started(content, threads):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.invoke()
    return interpreter


def inputs_and_outputs(model) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of a `ModelT`, by signature name if it has one.

    Example:
        >>> from fpd_tf.contract.tflite_file import inputs_and_outputs, read_tflite
        >>> inputs, outputs = inputs_and_outputs(read_tflite("student.tflite"))
        >>> inputs[0].shape, outputs[0].name
        ((1, 64, 64, 3), 'heatmaps')
    """
    subgraph = model.subgraphs[0]
    names = {}
    for signature in model.signatureDefs or ():
        for each in (*signature.inputs, *signature.outputs):
            names[each.tensorIndex] = each.name.decode()

    def described(index):
        tensor = subgraph.tensors[index]
        name = names.get(index, tensor.name.decode())
        return Tensor(name, dtype_of(tensor), shape_of(tensor))

    inputs, outputs = map(described, subgraph.inputs), map(described, subgraph.outputs)
    return tuple(inputs), tuple(outputs)


def shape_of(tensor) -> tuple[int, ...]:
    """The shape of a `TensorT`, -1 where it is not fixed."""
    for shape in (tensor.shapeSignature, tensor.shape):
        if shape is not None and len(shape):
            return tuple(map(int, shape))
    return ()


def dtype_of(tensor) -> str:
    """The element type of a `TensorT` by name, such as "int8"."""
    return _dtype_names()[tensor.type].lower()


@cache
def _dtype_names():
    from ai_edge_litert import schema_py_generated as schema

    return {code: name for name, code in vars(schema.TensorType).items()}


def builtin_name(code) -> str:
    """The name of an `OperatorCodeT`, such as "CONV_2D" or "CUSTOM".

    Raises:
        KeyError: an operator that this runtime does not know.
    """
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    return names[max(code.builtinCode, code.deprecatedBuiltinCode)]


def _check(model):
    """Checks what native code assumes: it aborts the process if some of it is wrong."""
    if not model.subgraphs:
        raise ValueError("no network in it")
    for code in model.operatorCodes:
        builtin_name(code)
        (code.customCode or b"").decode()
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            tensor.name.decode()
            _check_constant(tensor, _at(model.buffers, tensor.buffer).data)
            _check_scales(tensor)
        _check_indices(subgraph.inputs, subgraph.tensors)
        _check_indices(subgraph.outputs, subgraph.tensors)
        _check_operators(model, subgraph)
    for signature in model.signatureDefs or ():
        tensors = _at(model.subgraphs, signature.subgraphIndex).tensors
        for named in (*signature.inputs, *signature.outputs):
            named.name.decode()
            _at(tensors, named.tensorIndex)


def _at(items, index):
    if not 0 <= index < len(items):
        raise IndexError(f"{index} of {len(items)}")
    return items[index]


def _check_indices(indices, items):
    for index in indices:
        _at(items, index)


def _shape(tensor):
    return () if tensor.shape is None else tuple(map(int, tensor.shape))


def _check_constant(tensor, data):
    shape = _shape(tensor)
    if min(shape, default=1) < 0 or prod(shape) > 2**31:
        raise ValueError(f"shape {shape}")
    size = _BYTES.get(dtype_of(tensor))
    if size and data is not None and not tensor.sparsity:
        if len(data) != prod(shape) * size:
            raise ValueError(f"{len(data)} bytes for shape {shape}")


def _scales(tensor):
    scales = tensor.quantization and tensor.quantization.scale
    return [] if scales is None else list(scales)


def _check_scales(tensor):
    """One for the tensor or one for each channel, all above zero."""
    scales = _scales(tensor)
    if not all(0 < scale < inf for scale in scales):
        raise ValueError("a scale that is not above 0")
    if len(scales) > 1:
        channels = _at(_shape(tensor), tensor.quantization.quantizedDimension)
        if not len(scales) == len(tensor.quantization.zeroPoint) == channels:
            raise ValueError(f"{len(scales)} scales for {channels} channels")


def _check_operators(model, subgraph):
    """Each tensor made once, from constants or what was made before."""
    made = {
        index
        for index, tensor in enumerate(subgraph.tensors)
        if model.buffers[tensor.buffer].data is not None or 0 in _shape(tensor)
    }
    made |= {-1, *map(int, subgraph.inputs)}
    for operator in subgraph.operators:
        _at(model.operatorCodes, operator.opcodeIndex)
        _check_indices(operator.outputs, subgraph.tensors)
        outputs = {*map(int, operator.outputs)}
        if not made.issuperset(map(int, operator.inputs)) or made & outputs:
            raise ValueError("an operator that reads or writes a wrong tensor")
        _check_mixture(operator, subgraph.tensors)
        made |= outputs


def _check_mixture(operator, tensors):
    """Either all integers of an operator are quantized or none; its outputs as one."""
    outputs = [tensors[index] for index in operator.outputs]
    used = outputs + [tensors[index] for index in operator.inputs if index >= 0]
    scaled = {bool(_scales(each)) for each in used if dtype_of(each) in _QUANTIZED}
    if len(scaled) > 1 or any(len(_scales(each)) > 1 for each in outputs):
        raise ValueError("a quantized operator with a scale missing")
