"""What a .tflite contains, and which app bindings can load it."""

import zlib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from fpd_tf.contract.tflite_file import (
    Tensor,
    builtin_name,
    dtype_of,
    inputs_and_outputs,
    open_interpreter,
    read_tflite,
    shape_of,
)
from fpd_tf.errors import GateError
from fpd_tf.shipped import model_file

_COMMON = {"float32", "int8", "int32", "int64"}
BINDINGS = {
    "kotlin_compiled_model": _COMMON | {"bool"},
    "kotlin_interpreter": _COMMON | {"uint8"},
    "swift": _COMMON | {"uint8"},
    "litert_js": {"float32", "uint8", "int32"},
}


@dataclass(frozen=True)
class Audit:
    """The contents of a .tflite.

    Args:
        size: bytes.
        operators: (name, version) -> count.
        custom_operators: names of those that are not built in, Flex ones among them.
        float_operators: names of those that compute in float32; empty for a
            full-integer file, where QUANTIZE and DEQUANTIZE at its ends are not
            counted.
        inputs: by signature name where the file has one.
        outputs: likewise.
        max_rank: largest number of dimensions of a tensor; mobile GPUs support 4.
        partitions: of the graph that XNNPACK runs (1 is best), None if the file does
            not run here.
        refusals: binding -> why it cannot load the file, a sentence.
    """

    size: int
    operators: dict[tuple[str, int], int]
    custom_operators: tuple[str, ...]
    float_operators: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    max_rank: int
    partitions: int | None
    refusals: dict[str, str]

    @property
    def is_static(self) -> bool:
        """Whether the shapes of inputs and outputs are fixed."""
        return all(-1 not in each.shape for each in (*self.inputs, *self.outputs))

    @property
    def loaded_by(self) -> list[str]:
        """The bindings that can load the file."""
        return [binding for binding in BINDINGS if binding not in self.refusals]

    @property
    def problems(self) -> list[str]:
        """Sentences: why an app could not use the file."""
        found = [
            f"{binding} refuses it: {why}" for binding, why in self.refusals.items()
        ]
        if self.max_rank > 4:
            found.append(
                f"mobile GPUs refuse it: a tensor has {self.max_rank} dimensions"
            )
        return found

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        operators = [
            {"name": name, "version": version, "count": count}
            for (name, version), count in self.operators.items()
        ]
        return {
            **asdict(self),
            "operators": operators,
            "is_static": self.is_static,
            "problems": self.problems,
        }


def audit_tflite(path: str | Path) -> Audit:
    """Lists the contents of a .tflite.

    Binding rules are those of LiteRT 2.3 (Kotlin `TensorType`, LiteRT.js 2.5.3, Swift
    `Tensor.DataType`), as of November 2026.

    Args:
        path: the file, or the name of a shipped student (its int8 file).

    Raises:
        InputError: the file is missing, of another format, or damaged.

    Example:
        >>> from fpd_tf.export.audit import audit_tflite
        >>> audit = audit_tflite("student.tflite")
        >>> audit.inputs[0].shape, audit.problems
        ((1, 64, 64, 3), [])
    """
    path = model_file(path)
    model = read_tflite(path)
    subgraph = model.subgraphs[0]
    operators = [
        (*_operator(model.operatorCodes[each.opcodeIndex]), each)
        for each in subgraph.operators
    ]
    custom = tuple(sorted({name for name, custom, _, _ in operators if custom}))
    inputs, outputs = inputs_and_outputs(model)
    return Audit(
        size=Path(path).stat().st_size,
        operators=dict(Counter((name, version) for name, _, version, _ in operators)),
        custom_operators=custom,
        float_operators=tuple(
            name for name, _, _, each in operators if _is_float(name, each, subgraph)
        ),
        inputs=inputs,
        outputs=outputs,
        max_rank=max(len(shape_of(tensor)) for tensor in subgraph.tensors),
        partitions=None if custom else _partitions(path),
        refusals=_refusals(custom, (*inputs, *outputs)),
    )


def check_loadable(audit: Audit, name: str | Path) -> None:
    """Checks that every app binding and mobile GPU can load a file.

    Raises:
        GateError: one of them cannot.
    """
    if audit.problems:
        raise GateError(f"{name}: {'; '.join(audit.problems)}")


def deflated_size(path: str | Path) -> int:
    """Bytes that a file takes in a .zip, such as an app package.

    Example:
        >>> from pathlib import Path
        >>> from fpd_tf.export.audit import deflated_size
        >>> 0 < deflated_size("student.tflite") < Path("student.tflite").stat().st_size
        True
    """
    return len(zlib.compress(Path(path).read_bytes(), 9))


def _operator(code):
    """(name, whether it is not built in, version)."""
    if code.customCode:
        return code.customCode.decode(), True, code.version
    return builtin_name(code), False, code.version


def _is_float(name, operator, subgraph):
    if name in ("QUANTIZE", "DEQUANTIZE"):
        return False
    return "float32" in [dtype_of(subgraph.tensors[each]) for each in operator.outputs]


def _partitions(path):
    operators = open_interpreter(path)._get_ops_details()
    return sum(each["op_name"] == "DELEGATE" for each in operators)


def _refusals(custom, ends):
    refusals = {}
    for binding, loads in BINDINGS.items():
        unknown = [each for each in ends if each.dtype not in loads]
        if custom:
            refusals[binding] = f"operators that are not built in: {', '.join(custom)}"
        elif unknown:
            refusals[binding] = f"`{unknown[0].name}` is {unknown[0].dtype}"
    dynamic = [each for each in ends if -1 in each.shape]
    if dynamic:
        shape = list(dynamic[0].shape)
        refusals.setdefault("litert_js", f"`{dynamic[0].name}` has shape {shape}")
    return refusals
