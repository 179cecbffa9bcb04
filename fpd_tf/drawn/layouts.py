"""Writes synthetic (drawn) people to disk in the MPII and LSP layouts.

They need no download. A network trained on them does not work on photographs.
"""

import json
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from fpd_tf.data.lsp import ANNOTATIONS
from fpd_tf.data.mpii_release import RELEASE_FILE
from fpd_tf.drawn.picture import Person, draw_person
from fpd_tf.errors import InputError
from fpd_tf.files import folder_written_whole
from fpd_tf.joints import LSP, MPII
from fpd_tf.progress import tracked

VALIDATION_SHARE = 6
_LSP_ORDER = [
    MPII.index("upper_neck" if joint == "neck" else joint) for joint in LSP.joints
]


def synthesize(
    out: str | Path, layout: str = "mpii", count: int = 1500, seed: int = 0
) -> Path:
    """Draws `count` people, one a picture of 160 to 256 px, into the folder `out`.

    Args:
        out: a new or empty folder.
        layout: "mpii": images/000001.jpg, annot/train.json and valid.json, and the same
            people in the official release's .mat, with detections.mat naming those of
            valid.json: the last sixth, at least one. "lsp": images/im0001.jpg and
            joints.mat (3, 14, N), flag 1 = occluded, no label missing. "lspet":
            images/im00001.jpg and joints.mat (14, 3, N), flag 1 = annotated.
        count: N, at least 2.
        seed: 0 or above. Picture i depends on the seed and on i alone.

    Returns:
        `out`; the folder gets its name when it is complete.

    Raises:
        InputError: an unknown layout, a count or seed out of range, an `out` that holds
            something or cannot be written.

    Example:
        >>> from fpd_tf import synthesize
        >>> root = synthesize("people", count=2)
        >>> sorted(path.name for path in (root / "images").iterdir())
        ['000001.jpg', '000002.jpg']
    """
    out = Path(out)
    _check(layout, count, seed)
    file_name, write_labels = LAYOUTS[layout]
    with folder_written_whole(out) as aside:
        (aside / "images").mkdir()
        people = _write_pictures(aside / "images", file_name, count, seed)
        write_labels(aside, people)
    return out


def _check(layout: str, count: int, seed: int) -> None:
    if layout not in LAYOUTS:
        raise InputError("synthesize", "layout", f"one of {', '.join(LAYOUTS)}", layout)
    if count < 2:
        raise InputError("synthesize", "count", "2 people or more", count)
    if seed < 0:
        raise InputError("synthesize", "seed", "0 or above", seed)


def _write_pictures(
    folder: Path, file_name: str, count: int, seed: int
) -> dict[str, Person]:
    """File name -> the person in it, in order."""
    people = {}
    for index in tracked(range(count), "drawing people"):
        picture, person = draw_person(seed, index)
        _, jpeg = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 90))
        name = file_name.format(index + 1)
        (folder / name).write_bytes(jpeg.tobytes())
        people[name] = person
    return people


def _stored(pixels: np.ndarray) -> np.ndarray:
    """0-based pixels the way all these layouts keep them: 1-based; to a hundredth."""
    return np.round(pixels + 1, 2)


def _write_mat(path: Path, **variables: object) -> None:
    """savemat without the time of day that it puts into the header."""
    buffer = BytesIO()
    savemat(buffer, variables, do_compression=True)
    header = b"MATLAB 5.0 MAT-file, drawn by fpd_tf".ljust(116)
    path.write_bytes(header + buffer.getvalue()[len(header) :])


# MPII


def _write_mpii(folder: Path, people: dict[str, Person]) -> None:
    train = len(people) - max(1, len(people) // VALIDATION_SHARE)
    _write_json(folder / "annot", people, train)
    images = [_release_image(name, person) for name, person in people.items()]
    release = {
        "annolist": _structs(images),
        "img_train": np.ones((1, len(people)), np.uint8),
        "single_person": np.full((len(people), 1), 1, object),
    }
    _write_mat(folder / RELEASE_FILE, RELEASE=release)
    numbers = np.arange(train, len(people)) + 1
    _write_mat(
        folder / "detections.mat",
        RELEASE_img_index=numbers,
        RELEASE_person_index=np.ones_like(numbers),
    )


def _write_json(folder: Path, people: dict[str, Person], train: int) -> None:
    records = [_json_record(name, person) for name, person in people.items()]
    folder.mkdir()
    for split, part in (("train", records[:train]), ("valid", records[train:])):
        (folder / f"{split}.json").write_text(json.dumps(part))


def _json_record(name: str, person: Person) -> dict:
    labelled = person.annotated[:, None]
    return {
        "joints_vis": person.annotated.astype(int).tolist(),
        "joints": np.where(labelled, _stored(person.joints), -1).tolist(),
        "image": name,
        "scale": person.scale,
        "center": _stored(person.center).tolist(),
        "head_box": _stored(person.head_box).tolist(),
    }


def _release_image(name: str, person: Person) -> dict:
    center, head_box = _stored(person.center), _stored(person.head_box)
    corners = zip(("x1", "y1", "x2", "y2"), head_box, strict=True)
    rectangle = dict(corners) | {
        "annopoints": {"point": _structs(_release_points(person))},
        "scale": person.scale,
        "objpos": {"x": center[0], "y": center[1]},
    }
    return {"image": {"name": name}, "annorect": rectangle}


def _release_points(person: Person) -> list[dict]:
    """The labelled joints; like the release, neck and head top say not if visible."""
    joints, visible = _stored(person.joints), person.visible.astype(int)
    return [
        {
            "x": joints[joint, 0],
            "y": joints[joint, 1],
            "id": joint,
            "is_visible": [] if joint in MPII.groups["Head"] else visible[joint],
        }
        for joint in np.flatnonzero(person.annotated)
    ]


def _structs(records: list[dict]) -> np.ndarray:
    """Dicts of the same keys as a MATLAB struct array of shape (1, len)."""
    structs = np.empty((1, len(records)), [(key, object) for key in records[0]])
    structs[0] = [tuple(record.values()) for record in records]
    return structs


# LSP and LSP-extended


def _write_lsp(folder: Path, people: dict[str, Person]) -> None:
    rows = [_lsp_rows(person, ~person.visible).T for person in people.values()]
    _write_mat(folder / ANNOTATIONS, joints=np.stack(rows, axis=-1))


def _write_lspet(folder: Path, people: dict[str, Person]) -> None:
    rows = [
        _lsp_rows(person, person.annotated) * person.annotated[_LSP_ORDER, None]
        for person in people.values()
    ]
    _write_mat(folder / ANNOTATIONS, joints=np.stack(rows, axis=-1))


def _lsp_rows(person: Person, flag: np.ndarray) -> np.ndarray:
    """(14, 3) x, y, flag."""
    return np.column_stack([_stored(person.joints), flag])[_LSP_ORDER]


LAYOUTS = {
    "mpii": ("{:06d}.jpg", _write_mpii),
    "lsp": ("im{:04d}.jpg", _write_lsp),
    "lspet": ("im{:05d}.jpg", _write_lspet),
}
