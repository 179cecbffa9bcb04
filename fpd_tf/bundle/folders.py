"""Android, iOS and web folders: a student, its pose.json and the code that runs it.

The web page can offer several students, each with its own pose.json.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fpd_tf.bundle.golden import golden_vectors
from fpd_tf.contract.pose_json import (
    Contract,
    contract_of,
    contract_path,
    contract_schema,
    read_contract,
    write_contract,
)
from fpd_tf.errors import InputError
from fpd_tf.export.audit import audit_tflite, check_loadable
from fpd_tf.files import folder_written_whole, read_json, sha256_of
from fpd_tf.shipped import model_file, shipped

MODEL, CONTRACT, GOLDEN = "pose.tflite", "pose.json", "golden.json"
MANIFEST, SCHEMA, RULES = "bundle.json", "pose.schema.json", "RULES.md"
STUDENTS = "students.json"
PLACES = {
    "android": ("pose/src/main/assets", "pose/src/test/resources"),
    "ios": ("Sources/FPDPose/Resources", "Tests/FPDPoseTests/Resources"),
    "web": ("", "test"),
}
_OF_A_BUNDLE = "JSON of a bundle"
_NOT_SHIPPED = (MODEL, CONTRACT, GOLDEN, "node_modules", "build", ".*cache*")


def bundle(model: str | Path, out: str | Path, also: Sequence[str | Path] = ()) -> Path:
    """Writes the three folders, each with the model, pose.json and golden vectors.

    Beside them stand the JSON Schema of pose.json, its rules for apps in any language,
    and the checksum of every file.

    Args:
        model: a .tflite, or the name of a shipped student (its int8 file); the
            pose.json beside it is used, or a default one made.
        out: new folder.
        also: more of them, with their contracts, that the web page offers.

    Returns:
        The folder.

    Raises:
        InputError: the folder is not empty, a model is bad or not that of its
            pose.json, or two have the same name.
        GateError: a binding of the apps would not load the model.

    Example:
        >>> from fpd_tf.bundle.folders import bundle
        >>> sorted(each.name for each in bundle("student.tflite", "bundle").iterdir())
        ['RULES.md', 'android', 'bundle.json', 'ios', 'pose.schema.json', 'web']
    """
    model, out = model_file(model), Path(out)
    also = [model_file(each) for each in also]
    with folder_written_whole(out) as aside:
        contract = _named_as(MODEL, model)
        vectors = json.dumps(golden_vectors(contract))
        for platform, (resources, tests) in PLACES.items():
            folder = aside / platform
            skipped = shutil.ignore_patterns(*_NOT_SHIPPED)
            shutil.copytree(shipped() / platform, folder, ignore=skipped)
            for place in (folder / resources, folder / tests):
                place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model, folder / resources / MODEL)
            write_contract(folder / resources / CONTRACT, contract)
            (folder / tests / GOLDEN).write_text(vectors)
        _add_students(aside / "web", model, also)
        shutil.copyfile(shipped() / RULES, aside / RULES)
        (aside / SCHEMA).write_text(json.dumps(contract_schema(), indent=1) + "\n")
        manifest = {"files": _digests(aside)}
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return out


def _named_as(name, model):
    """The contract of a model that every app loads, under another name."""
    contract = contract_of(model)
    check_loadable(audit_tflite(model), model)
    return replace(contract, model=replace(contract.model, file=name))


def _add_students(web, model, also):
    """What the page offers: the bundle's model, and others beside it."""
    students = [{"name": model.stem, "contract": CONTRACT}]
    for other in also:
        if other.stem in ("pose", *(each["name"] for each in students)):
            sentence = f"the page has another {other.stem}; give it another name"
            raise InputError.plain(other, "", sentence)
        file = web / f"{other.stem}.tflite"
        write_contract(contract_path(file), _named_as(file.name, other))
        shutil.copyfile(other, file)
        students.append({"name": other.stem, "contract": contract_path(file).name})
    (web / STUDENTS).write_text(json.dumps(students, indent=1) + "\n")


def check_bundle(folder: str | Path) -> Contract:
    """Reads a bundle again: files, contract, model, audit and golden vectors.

    Added files, such as those of `npm install`, are ignored.

    Returns:
        The contract of its model.

    Raises:
        InputError: a file is missing or was changed, or Python computes other joints.
        GateError: a binding of the apps would not load the model.

    Example:
        >>> from fpd_tf.bundle.folders import bundle, check_bundle
        >>> check_bundle(bundle("student.tflite", "checked")).model.file
        'pose.tflite'
    """
    folder = Path(folder)
    if not any((folder / platform).is_dir() for platform in PLACES):
        sentence = f"is not a bundle: no {', '.join(PLACES)}"
        raise InputError.plain(folder, "", sentence)
    contracts = [
        read_contract(folder / platform / resources / CONTRACT)
        for platform, (resources, _) in PLACES.items()
    ]
    for platform, contract in zip(PLACES, contracts, strict=True):
        if contract != contracts[0]:
            first = next(iter(PLACES))
            sentence = f"its pose.json is not that of {first}; write the bundle again"
            raise InputError.plain(folder, platform, sentence)
    _check_files(folder)
    web = folder / "web"
    for path in _contracts_of_students(web):
        model = path.with_name(read_contract(path).model.file)
        check_loadable(audit_tflite(model), model)
    vectors = json.loads(json.dumps(golden_vectors(contracts[0])))
    for platform, (_, tests) in PLACES.items():
        path = folder / platform / tests / GOLDEN
        if not _alike(read_json(path, _OF_A_BUNDLE), vectors):
            sentence = "this fpd_tf computes other joints; write the bundle again"
            raise InputError.plain(path, "", sentence)
    return contracts[0]


def _contracts_of_students(web):
    """The contracts of what the page offers."""
    path = web / STUDENTS
    students = read_json(path, _OF_A_BUNDLE)
    try:
        names = [str(student["contract"]) for student in students]
    except (LookupError, TypeError) as error:
        expected = "a list of students, each with its contract"
        raise InputError(path, "", expected, str(students)[:80]) from error
    return [web / name for name in names]


def _digests(folder):
    """Path within the folder -> SHA-256, of all files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def _check_files(folder):
    path = folder / MANIFEST
    try:
        expected = dict(json.loads(path.read_text())["files"])
        if not expected or not all(isinstance(each, str) for each in expected.values()):
            raise ValueError("no checksums")
        for name in expected:
            (folder / name).resolve().relative_to(folder.resolve())
        received = {
            name: sha256_of(folder / name) if (folder / name).is_file() else "missing"
            for name in expected
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(path, "", "the list of a bundle's files", error) from error
    for name, digest in expected.items():
        if received[name] != digest:
            raise InputError(
                folder / name, "SHA-256", f"{digest[:12]}...", received[name][:12]
            )


def _alike(one, other):
    """Whether two JSON values agree; numbers within a thousandth, levels within one."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _alike(one[name], other[name]) for name in one
        )
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return all(_alike(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return bool(np.isclose(one, other, atol=1 if isinstance(one, int) else 1e-3))
    return one == other
