"""pose.json: the description of a .tflite that all apps read.

Python, Kotlin, Swift and JavaScript read the same schema. K joints, S input size,
H x W heatmap.
"""

import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from fpd_tf.codec import LOG_FLOOR, Heatmaps
from fpd_tf.contract.metadata import joint_set_within
from fpd_tf.contract.rules import (
    Crop,
    Rules,
    Score,
    Search,
    Smoothing,
    crop_rule,
)
from fpd_tf.contract.shapes import check_joint_set, codec_of
from fpd_tf.contract.tflite_file import TfliteFile, dtype_of
from fpd_tf.errors import InputError
from fpd_tf.files import read_json, written_whole
from fpd_tf.joints import JOINT_SETS, JointSet, numbered_joints
from fpd_tf.settings import refused, validated

VERSION, SUFFIX = 1, ".pose.json"
CONTRACT = "a contract (pose.json)"
Positive = Annotated[int, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[^/\\\x00]*[^/\\\x00.][^/\\\x00]*$")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@validated
class ModelFile:
    """The model file beside pose.json.

    Args:
        file: its name, in the same folder.
        sha256: of its content, hexadecimal.
        weights: element type of most of its constants; GPUs are for "float16".
    """

    file: Name
    sha256: Digest
    weights: str


@validated
class Image:
    """The input, [1, S, S, 3]: levels 0 to 255 are spread evenly over `range`.

    An integer `dtype` holds codes of the file's own scale for these values.
    """

    name: str
    dtype: str
    size: Positive
    color_order: Literal["RGB"] = "RGB"
    range: tuple[float, float] = (0.0, 1.0)


@validated
class Output:
    """The output, [1, H, W, K], with `stride` crop pixels to a cell."""

    name: str
    dtype: str
    height: Positive
    width: Positive
    stride: Positive


@validated
class Decode:
    """`fpd_tf.codec.decode_heatmaps`: where a heatmap's joint lies.

    The largest cell (the first of equal ones, row by row), moved along each axis by
    the parabola through the logarithms of it and its two neighbours, values below
    `log_floor` counting as that; by at most `max_move` cells, and not at all along an
    axis whose border it touches. Cell c is crop pixel stride * c + (stride - 1) / 2.
    """

    rule: Literal["argmax_log_parabola"] = "argmax_log_parabola"
    log_floor: float = LOG_FLOOR
    max_move: float = 0.5


@validated
class Contract:
    """The content of pose.json: all that an app must know about a model file.

    Args:
        version: of this schema.
        model: the file.
        image: its input.
        heatmaps: its output.
        joints: K names in the order of the heatmaps.
        flip_pairs: (right, left) indices that swap when the image is mirrored.
        limbs: (from, to) indices joined by a line in drawings.
        decode: heatmaps to joints.
        score: what a joint's score means.
        crop: of the next frame, from the joints.
        search: squares to search while nobody is tracked.
        smoothing: over time.
        training_data: what the network was trained on, None if unknown.
        scores: metric -> value on held-out people, None if unknown.
    """

    version: Literal[1]
    model: ModelFile
    image: Image
    heatmaps: Output
    joints: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...]
    limbs: tuple[tuple[int, int], ...]
    crop: Crop
    decode: Decode = Decode()
    score: Score = Score()
    search: Search = Search()
    smoothing: Smoothing = Smoothing()
    training_data: str | None = None
    scores: dict[str, float] | None = None

    @property
    def joint_set(self) -> JointSet:
        """The joints with their pairs and limbs; a known set where they are its own."""
        joints = self.joints, self.flip_pairs, self.limbs
        for known in JOINT_SETS.values():
            if (known.joints, known.flip_pairs, known.limbs) == joints:
                return known
        return JointSet(self.model.file, *joints)

    @property
    def codec(self) -> Heatmaps:
        """The codec of the heatmaps."""
        return Heatmaps(self.image.size, self.heatmaps.stride)

    @property
    def rules(self) -> Rules:
        """The rules of tracking."""
        return Rules(self.crop, self.search, self.smoothing, self.score)

    @model_validator(mode="after")
    def _agrees_with_itself(self):
        groups = (*self.flip_pairs, *self.limbs, self.crop.hips, self.crop.shoulders)
        indices = [index for group in groups for index in group]
        if not all(0 <= index < len(self.joints) for index in indices):
            raise ValueError(f"indices of the {len(self.joints)} joints")
        cells = (self.heatmaps.height, self.heatmaps.width)
        if {self.heatmaps.stride * each for each in cells} != {self.image.size}:
            raise ValueError("stride x heatmap = image size")
        if self.decode != Decode():
            raise ValueError(f"the decode rule of version {VERSION}, {Decode()}")
        JointSet("pose.json", self.joints, self.flip_pairs, self.limbs)
        return self


_SCHEMA = TypeAdapter(Contract)


def contract_path(model: str | Path) -> Path:
    """Path of the contract of a model: student.tflite -> student.pose.json.

    A bundle's pose.tflite has a pose.json beside it.

    Example:
        >>> from fpd_tf.contract.pose_json import contract_path
        >>> contract_path("student.int8.tflite").name
        'student.int8.pose.json'
    """
    usual = Path(model).with_suffix(SUFFIX)
    bundled = usual.with_name("pose.json")
    in_bundle = usual.name == f"pose{SUFFIX}" and not usual.exists()
    return bundled if in_bundle and bundled.exists() else usual


def describe(
    model: str | Path | TfliteFile,
    *,
    joint_set: JointSet | None = None,
    training_data: str | None = None,
    scores: dict[str, float] | None = None,
) -> Contract:
    """The contract of a .tflite.

    Args:
        model: the file.
        joint_set: of its heatmaps; if None, from the names inside the file, or else
            numbered.
        training_data: what the network was trained on.
        scores: metric -> value on held-out people.

    Raises:
        InputError: no such file, or no network from one square image to heatmaps.

    Example:
        >>> from fpd_tf.contract.pose_json import describe
        >>> contract = describe("student.tflite")
        >>> contract.image.size, contract.heatmaps.stride, contract.joints[9]
        (64, 4, 'head_top')
    """
    file = _opened(model)
    image, heatmaps, num_joints = _ends(file)
    joint_set = joint_set or _joints_within(file.path, num_joints)
    check_joint_set(file.path, num_joints, joint_set)
    return Contract(
        version=VERSION,
        model=ModelFile(file.path.name, file.sha256, _weights(file.model)),
        image=image,
        heatmaps=heatmaps,
        joints=joint_set.joints,
        flip_pairs=joint_set.flip_pairs,
        limbs=joint_set.limbs,
        crop=crop_rule(joint_set),
        training_data=training_data,
        scores=scores,
    )


def write_contract(path: str | Path, contract: Contract) -> Path:
    """Writes a contract as JSON, a field on each line."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(value)}"
        for name, value in as_json(contract).items()
    ]
    with written_whole(path) as aside:
        aside.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return Path(path)


def as_json(contract: Contract) -> dict:
    """A contract as plain lists and mappings."""
    return _SCHEMA.dump_python(contract, mode="json")


def contract_schema() -> dict:
    """The JSON Schema (2020-12) of pose.json, for checkers and editors.

    Example:
        >>> from fpd_tf.contract.pose_json import contract_schema
        >>> contract_schema()["properties"]["version"]["const"]
        1
    """
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **_SCHEMA.json_schema()}


def read_contract(path: str | Path) -> Contract:
    """Reads a contract and checks it against the model file beside it.

    Raises:
        InputError: no contract, one of a newer version, or the model beside it is
            missing or another one.

    Example:
        >>> from fpd_tf.contract.pose_json import describe, read_contract
        >>> from fpd_tf.contract.pose_json import write_contract
        >>> contract = describe("student.tflite")
        >>> read_contract(write_contract("student.pose.json", contract)) == contract
        True
    """
    path = Path(path)
    contract = _parsed(path)
    return _held(contract, path, TfliteFile(_model_beside(path, contract)))


def contract_beside(file: TfliteFile) -> Contract | None:
    """The contract beside an opened model, if it is that of the model.

    Both may have been renamed together: the checksum identifies the model.

    Returns:
        The contract with the file's present name; None if there is none.

    Raises:
        InputError: as `read_contract` does.
    """
    path = contract_path(file.path)
    return _held(_parsed(path), path, file) if path.exists() else None


def contract_of(model: str | Path | TfliteFile) -> Contract:
    """The contract beside a .tflite, or else a default one.

    Raises:
        InputError: as `read_contract` and `describe` do.
    """
    file = _opened(model)
    return contract_beside(file) or describe(file)


def _parsed(path):
    content = read_json(path, CONTRACT)
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > VERSION:
        expected = f"at most {VERSION}, the newest this fpd_tf reads"
        raise InputError(path, "version", expected, version)
    if isinstance(content, dict) and "joints" in content and "model" not in content:
        sentence = (
            "it is a short one, which names joints for Python alone; apps need the "
            "full one that `fpd export` or `write_contract` writes"
        )
        raise InputError.plain(path, "model", sentence)
    try:
        return _SCHEMA.validate_python(content)
    except ValidationError as error:
        raise refused(path, error, f"the fields of version {VERSION}") from None


def _opened(model):
    return model if isinstance(model, TfliteFile) else TfliteFile(model)


def _model_beside(path, contract):
    """The file that a contract names, or the one that was renamed with it."""
    named = path.with_name(contract.model.file)
    renamed = path.with_name(f"{path.name.removesuffix(SUFFIX)}.tflite")
    if found := [each for each in (named, renamed) if each.is_file()]:
        return found[0]
    there = ", ".join(sorted(each.name for each in path.parent.glob("*.tflite")))
    sentence = f"{named.name} is not beside it; there is {there or 'no .tflite'}"
    raise InputError.plain(path, "model.file", sentence)


def _held(contract, path, file):
    """The contract, found to be that of the file."""
    received = file.sha256
    if received != contract.model.sha256:
        expected = f"{contract.model.sha256[:12]}..., as {path.name} says"
        remedy = f"put the model of {path.name} here, or its own pose.json"
        received = f"{received[:12]}...; {remedy}"
        raise InputError(file.path, "SHA-256", expected, received)
    image, heatmaps, num_joints = _ends(file)
    stated = _facts(contract.image, contract.heatmaps, len(contract.joints))
    for field, value in _facts(image, heatmaps, num_joints).items():
        if stated[field] != value:
            expected = f"{value}, as {file.path.name} has"
            raise InputError(path, field, expected, stated[field])
    return replace(contract, model=replace(contract.model, file=file.path.name))


def _facts(image, heatmaps, num_joints):
    """{field: value} of what a contract says of its file."""
    parts = {"image": asdict(image), "heatmaps": asdict(heatmaps)}
    facts = {
        f"{part}.{field}": value
        for part, fields in parts.items()
        for field, value in fields.items()
    }
    return facts | {"joints": num_joints}


def _joints_within(model, num_joints):
    return joint_set_within(model, num_joints) or numbered_joints(num_joints)


def _ends(file):
    """Input and output as the file has them, and K."""
    if len(file.inputs) != 1 or len(file.outputs) != 1:
        received = f"{len(file.inputs)} and {len(file.outputs)}"
        raise InputError(file.path, "", "one input and one output", received)
    (image,), (heatmaps,) = file.inputs, file.outputs
    codec, num_joints = codec_of(file.path, image.shape, heatmaps.shape)
    cells = codec.size, codec.size, codec.stride
    return (
        Image(image.name, image.dtype, codec.input_size),
        Output(heatmaps.name, heatmaps.dtype, *cells),
        num_joints,
    )


def _weights(model):
    """The element type that most bytes of the constants have."""
    count = Counter()
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            data = model.buffers[tensor.buffer].data
            count[dtype_of(tensor)] += 0 if data is None else len(data)
    return count.most_common(1)[0][0]
