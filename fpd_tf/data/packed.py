"""Packed people: cut out of their photographs, uncompressed, in few large files.

manifest.json lists the files with their SHA-256. people.npz has the fields of the
Samples; the shards (TFRecord files) have each person's pixels (h, w, 3): all that a
training crop can show of the photograph. N people, K joints.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np

from fpd_tf.data.checks import keep_good
from fpd_tf.data.people import People, Sample, checked_people
from fpd_tf.data.photograph import Photograph
from fpd_tf.data.shard import MANIFEST, check_sum, read_manifest
from fpd_tf.errors import InputError
from fpd_tf.files import folder_written_whole, sha256_of
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP, MPII, joint_set_from
from fpd_tf.progress import tracked

REACH = 1.25 * 2**0.5
SHARD_SUFFIX = ".tfrecord"
_PEOPLE = "people.npz"
_SHARD_BYTES = 2**28
_HEAD, _TAIL = 12, 4  # bytes that TFRecord adds: a length and two checksums
_EDGE = 3
_SCALE = 200.0  # people.npz has sides in units of so many pixels


def pack(people: People, out: str | Path) -> Path:
    """Cuts people out of their photographs, for boxes up to 1.77 times as wide.

    That is what a crop of 1.25 times the box shows at any rotation. Pixels are stored
    decoded, 3 bytes each: larger than the photographs, and faster to read.

    Args:
        people: stored with their joint set and metric.
        out: new folder; it gets its name when it is complete.

    Raises:
        InputError: `out` exists or cannot be written, or a photograph is broken.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.data.packed import load_packed, pack
        >>> people = fpd.load_mpii(fpd.synthesize("people", count=12), split="val")
        >>> pack(people, "packed/val").name
        'val'
        >>> len(load_packed("packed", split="val"))
        2
    """
    import tensorflow as tf

    out, people = Path(out), checked_people(people)
    with folder_written_whole(out) as aside:
        try:
            shards, packed = _write_shards(people, aside)
        except tf.errors.OpError as error:
            sentence = f"it cannot be written: {error.message}"
            raise InputError.plain(out, "", sentence) from error
        np.savez(aside / _PEOPLE, shard=shards, packed=packed, **_columns(people))
        sums = {path.name: sha256_of(path) for path in sorted(aside.iterdir())}
        manifest = {
            "people": len(people),
            "joint_set": people.joint_set.as_dict(),
            "metric": people.metric,
            "source": people.source,
            "sha256": sums,
        }
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=2))
    return out


def load_packed(
    root: str | Path, split: str = "train", *, on_error: str = "raise"
) -> People:
    """The people of a packed split, with coordinates of the photographs.

    Args:
        root: folder of packed splits.
        split: which of them.
        on_error: "raise" at the first bad person, or "skip" them and log how many.

    Returns:
        People whose `image_path` is a shard and whose `packed` says where in it.

    Raises:
        InputError: no packed split, or a file is missing or not what was written; the
            shards themselves are read by `check_images`.
    """
    folder = Path(root) / split
    people = folder / _PEOPLE
    check_sum(people)
    manifest = read_manifest(folder)
    names = [name for name in manifest["sha256"] if name.endswith(SHARD_SUFFIX)]
    for name in names:
        if not (folder / name).is_file():
            raise InputError(folder / name, "", "a shard", "no such file")
    with np.load(people) as columns:
        rows = zip(*(columns[name] for name in columns.files), strict=True)
        people = [dict(zip(columns.files, row, strict=True)) for row in rows]
    jobs = [partial(_sample, folder, names, person) for person in people]
    return _people_of(keep_good(jobs, on_error), manifest, folder)


def _write_shards(samples, folder):
    """Writes all pixels; gives each person's shard, and place as Sample has it."""
    import tensorflow as tf

    shards, places, writer, offset = [], [], None, 0
    try:
        for person in tracked(samples, "packing"):
            if writer is None or offset > _SHARD_BYTES:
                if writer:
                    writer.close()
                number, offset = (shards[-1] + 1 if shards else 0), 0
                name = f"{number:04d}{SHARD_SUFFIX}"
                writer = tf.io.TFRecordWriter(str(folder / name))
            pixels, y, x = _cut_out(person)
            content = pixels.tobytes()
            writer.write(content)
            shards.append(number)
            places.append((offset + _HEAD, y, x, *pixels.shape[:2]))
            offset += _HEAD + len(content) + _TAIL
    finally:
        if writer:
            writer.close()
    return np.array(shards), np.array(places)


def _cut_out(person):
    """Pixels of all that crops within REACH show, and where they start, y and x."""
    photo = Photograph(person.image_path, person.image_size).pixels()
    extent, center = np.array(photo.shape[:2]), np.array([person.box.y, person.box.x])
    reach = person.box.side / 2 * REACH
    low = np.clip(np.floor(center - reach) - _EDGE, 0, extent - 1).astype(int)
    high = np.clip(np.ceil(center + reach) + _EDGE, low + 1, extent).astype(int)
    return photo[low[0] : high[0], low[1] : high[1]], *low


def _columns(people):
    return {
        "joints": people.joints,
        "annotated": people.annotated,
        "visible": np.stack([person.visible for person in people]),
        "center": np.array([(box.x, box.y) for box in people.boxes]),
        "scale": np.array([box.side / _SCALE for box in people.boxes]),
        "head_size": people.head_sizes,
        "area": np.array([person.area or np.nan for person in people], float),
        "cut_from": np.array([str(person.photograph) for person in people]),
    }


def _sample(folder, names, person):
    sizes = {name: float(person.pop(name, np.nan)) for name in ("head_size", "area")}
    center, cut_from = person.pop("center"), person.pop("cut_from", None)
    return Sample(
        image_path=folder / names[person.pop("shard")],
        packed=tuple(person.pop("packed").tolist()),
        box=Box(*center, _SCALE * person.pop("scale")),
        cut_from=None if cut_from is None else Path(cut_from),
        **{name: None if np.isnan(size) else size for name, size in sizes.items()},
        **person,
    )


def _people_of(samples, manifest, folder):
    """Manifests of before name no joints; MPII and LSP were all that was packed."""
    if "joint_set" not in manifest:
        joint_set = {16: MPII, 14: LSP}[len(samples[0].joints)]
        heads = all(person.head_size for person in samples)
        return People(samples, joint_set, "pckh" if heads else "pck", joint_set.name)
    joint_set = joint_set_from(manifest["joint_set"], folder / MANIFEST)
    return People(samples, joint_set, manifest["metric"], manifest["source"])
