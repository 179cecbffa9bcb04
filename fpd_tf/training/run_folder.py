"""The run folder: its lock, and config.json."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import keras
from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.files import make_folder, written_whole
from fpd_tf.training.recipes import TrainConfig

SETTINGS = "config.json"
LOCK = ".lock"
PACKAGES = ("fpd_tf", "keras", "tensorflow", "numpy")
SHARED = (
    *("teacher", "teacher_content", "network"),
    *("samples", "people", "unlabelled", "joints", "config"),
)
CHANGED = {
    "people": "the boxes or labels have",
    "teacher_content": "the teacher's file or weights have",
}


def check_run_folder(out: Path, resume: bool) -> None:
    """Refuses a run folder before any work is done for it.

    Raises:
        InputError: it exists, or there is nothing to resume.
    """
    begun, empty = (out / SETTINGS).is_file(), _holds_nothing(out)
    if out.exists() and not (resume or empty):
        sentence = "it exists already; give the name of a new folder, or --resume"
        raise InputError.plain(out, "", sentence)
    if resume and not (begun or empty):
        sentence = "no such file, so there is no run to resume"
        raise InputError.plain(out, SETTINGS, sentence)


@contextmanager
def sole_use(out: Path, resume: bool) -> Iterator[None]:
    """Creates or reopens a run folder and locks it against other processes.

    Raises:
        InputError: as `check_run_folder` does, or it is in use or cannot be made.
    """
    check_run_folder(out, resume)
    make_folder(out)
    try:
        with FileLock(out / LOCK, blocking=False):
            yield
    except Timeout as error:
        sentence = "another run is writing to this folder"
        raise InputError.plain(out, "", sentence) from error


def describe_run(
    teacher: str | None,
    network: keras.Model,
    config: TrainConfig,
    people: People,
    command: Sequence[str] = (),
    unlabelled: People | None = None,
    teacher_content: str | None = None,
) -> dict:
    """The content of config.json; a resumed run must equal it in all fields of SHARED.

    Args:
        teacher: its file or name, or None.
        network: to train.
        config: of the run.
        people: with labels.
        command: that started the run; empty if none did.
        unlabelled: people without labels.
        teacher_content: a digest of the teacher's file or weights.
    """
    return {
        "verb": "distill" if teacher else "train",
        "teacher": teacher,
        "teacher_content": teacher_content,
        "network": f"{network.name}, {network.count_params()} parameters",
        "config": TypeAdapter(TrainConfig).dump_python(config, mode="json"),
        "data": people.source,
        **_whom(people),
        "unlabelled": unlabelled and _whom(unlabelled),
        "joints": list(people.joint_set.joints),
        "joint_set": people.joint_set.as_dict(),
        "versions": {package: version(package) for package in PACKAGES},
        "command": list(command),
    }


def training_data(config: Path) -> str | None:
    """Data set and number of people, from config.json; None where there is none.

    Raises:
        InputError: it is no run's.
    """
    if not config.exists():
        return None
    run = _read(config)
    return f"{run.get('data', 'unnamed data')}, {run['samples']} people"


def begin_or_check(out: Path, description: dict, resume: bool) -> bool:
    """Writes config.json of a new run, or checks that of the one to resume.

    Returns:
        Whether there was one.

    Raises:
        InputError: the run was made with other settings, people or teacher.
    """
    path = out / SETTINGS
    if not resume or not path.is_file():
        with written_whole(path) as aside:
            aside.write_text(json.dumps(description, indent=2))
        return False
    before = _read(path)
    if "people" not in before:
        older = (
            "this run is from an older version, which did not record its people; start "
            "a new run from its student.keras (start_from)"
        )
        raise InputError.plain(path, "people", older)
    for later in ("teacher_content", "joint_set"):  # runs of older versions lack them
        before.setdefault(later, description[later])
    old, new = (dict(_fields(_shared(run))) for run in (before, description))
    for field in old | new:
        if old.get(field) != new.get(field):
            changed = CHANGED.get(field.split(".")[-1])
            if changed:
                sentence = f"{changed} changed since the run began"
                raise InputError.plain(path, field, sentence)
            own = f"the run's own {old.get(field)!r}"
            raise InputError(path, field, own, new.get(field))
    return True


def note(out: Path, **found: object) -> None:
    """Adds facts about a run to config.json, plain values."""
    path = out / SETTINGS
    described = _read(path) | found
    with written_whole(path) as aside:
        aside.write_text(json.dumps(described, indent=2))


def _read(path):
    try:
        run = json.loads(path.read_text())
        if isinstance(run["samples"], int):
            return run
        error = f"samples {run['samples']}"
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as found:
        error = repr(found)
    raise InputError(path, "", "the settings of a run", error)


def _whom(people):
    return {"samples": len(people), "people": _digest(people)}


def _digest(people):
    """16 hexadecimal digits that change with any photograph's name, box or label."""
    digest = hashlib.sha256()
    for person in people:
        box = person.box.x, person.box.y, person.box.side, person.packed
        digest.update(json.dumps((person.image_path.name, *box)).encode())
    for labels in (people.joints, people.annotated):
        digest.update(labels.tobytes())
    return digest.hexdigest()[:16]


def _shared(run):
    """What a run and one that resumes it have in common."""
    pairs = sorted(map(list, run["joint_set"]["flip_pairs"]))
    return {name: run.get(name) for name in SHARED} | {"flip_pairs": pairs}


def _fields(settings, prefix=""):
    """(name, value) pairs, those of inner mappings with dots in their names."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _holds_nothing(out):
    """Whether a folder is empty or from a run that was killed at its start."""
    left = (LOCK, "partial-")
    return out.is_dir() and all(each.name.startswith(left) for each in out.iterdir())
