"""Leeds Sports Pose and its extension: joints.mat to samples.

N people, one to a photograph. Both files hold 14 joints in 1-based pixels and a flag,
whose meaning differs: the shape of the array tells which file it is.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fpd_tf.data.checks import SPLITS, check_near, keep_good, numbers, within
from fpd_tf.data.mat_file import read_mat
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP

ANNOTATIONS = "joints.mat"
_LSP_FOLDERS = ("lsp", "lsp_dataset")
_LSPET_FOLDERS = ("lspet", "lspet_dataset", "hr-lspet")
_LARGEST_VAL = 1000


@dataclass(frozen=True, eq=False)
class _LspFile:
    """joints (N, 14, 2) 1-based pixels, annotated and visible (N, 14) bool.

    `photographs` are those of HR-LSPET, None where numbers name them.
    """

    folder: Path
    extended: bool
    joints: np.ndarray
    annotated: np.ndarray
    visible: np.ndarray
    photographs: list[Path] | None = None

    def photograph(self, i: int) -> Path:
        if self.photographs:
            return self.photographs[i]
        name = f"im{i + 1:05d}.jpg" if self.extended else f"im{i + 1:04d}.jpg"
        return self.folder / "images" / name

    def split(self, name: str) -> range:
        """Indices of a split's people; empty where the set has no such split."""
        count = len(self.joints)
        if self.extended:
            val = count - min(_LARGEST_VAL, count // 9)
            ends = {"train": (0, val), "val": (val, count), "trainval": (0, count)}
        else:
            half = (count + 1) // 2
            ends = {"train": (0, half), "test": (half, count), "trainval": (0, half)}
        return range(*(ends | {"all": (0, count)}).get(name, (0, 0)))


def load_lsp(
    root: str | Path, split: str = "train", *, on_error: str = "raise"
) -> People:
    """The people of one split of LSP, of LSP-extended or of both, 14 joints each.

    `root` holds `joints.mat` and `images/`, or both sets in `root/lsp` (`lsp_dataset`)
    and `root/lspet` (`lspet_dataset`, `hr-lspet`). With both, a split is LSP's people
    followed by LSP-extended's, and image numbers count on from LSP's last.

    HR-LSPET, the extension's photographs at their full size, is read as it is unpacked:
    `im00001.png` and so on beside `joints.mat` or in `images/`. Numbers are missing
    there, and its people are the photographs in their order.

    | split    | LSP, (3, 14, N) | LSP-extended, (14, 3, N)       |
    |----------|-----------------|--------------------------------|
    | train    | first half      | all before val                 |
    | val      | none            | last 1,000, at most a ninth    |
    | trainval | as train        | all                            |
    | test     | second half     | none                           |
    | all      | all             | all                            |

    So "trainval" of both published sets is the 11,000 people that the paper trains on
    (1,000 + 10,000), "test" its 1,000, and no test person is ever in it.

    Flag 1 means occluded in LSP (every joint has a label), labelled in LSP-extended;
    a labelled joint with a coordinate not above 0 is taken as unlabelled. A person's
    box is the square around the labelled joints, 1.3 x their longer extent, at least
    60 px. Head sizes are unknown (PCK@0.2 measures by the torso).

    Labels must be person-centric (left is the person's left), as in both published
    files. Scoring or training against an observer-centric copy of the LSP labels is
    worth 8 points: Yang et al. (CVPR 2016) score 73.6 person-centric and 81.5 when
    both predictions and labels are observer-centric.

    Args:
        root: folder of the data set.
        split: "train", "val", "test", "trainval", "all" or "FIRST-LAST" image numbers,
            1-based and inclusive.
        on_error: "raise" at the first bad person (no labelled joint, a coordinate that
            is not finite or beyond 100,000), or "skip" them and log how many.

    Returns:
        People, scored by PCK@0.2.

    Raises:
        InputError: joints.mat is missing, broken or of another form, the set has no
            such split, or a person is bad.

    Example:
        >>> import numpy as np
        >>> import fpd_tf as fpd
        >>> from scipy.io import savemat
        >>> savemat("joints.mat", {"joints": np.full((14, 3, 9), 1.0)})
        >>> [len(fpd.load_lsp(".", split)) for split in ("train", "val", "2-4")]
        [8, 1, 3]
    """
    files = [_read_file(folder) for folder in _folders(Path(root))]
    everyone = [(file, i) for file in files for i in file.split("all")]
    people = everyone[within(split, len(everyone))]
    if split in SPLITS:
        people = [(file, i) for file in files for i in file.split(split)]
    if not people:
        kinds = " and ".join("LSP-extended" if f.extended else "LSP" for f in files)
        wanted = f"a split of {kinds} (LSP has no val, LSP-extended has no test)"
        raise InputError("split", "", wanted, split)
    kept = keep_good([partial(_person, file, i) for file, i in people], on_error)
    return People(kept, LSP, "pck", source="lsp")


def _folders(root: Path) -> list[Path]:
    if (root / ANNOTATIONS).is_file():
        return [root]
    inside = [
        next((root / n for n in names if (root / n / ANNOTATIONS).is_file()), None)
        for names in (_LSP_FOLDERS, _LSPET_FOLDERS)
    ]
    if not any(inside):
        wanted = f"{ANNOTATIONS}, or lsp/{ANNOTATIONS} and lspet/{ANNOTATIONS}"
        raise InputError(root, "", wanted, "neither" if root.is_dir() else "no folder")
    return [folder for folder in inside if folder]


def _read_file(folder: Path) -> _LspFile:
    path = folder / ANNOTATIONS
    table = np.asarray(read_mat(path, "joints")["joints"])
    table = table[..., None] if table.ndim == 2 else table
    extended = table.shape[:2] == (14, 3)
    fits = table.ndim == 3 and table.shape[:2] in ((3, 14), (14, 3))
    if not fits or not table.size:
        wanted = "shape (3, 14, N) of LSP or (14, 3, N) of LSP-extended"
        raise InputError(path, "joints", wanted, table.shape)
    table = numbers(table, table.shape, path, "joints")
    table = table.transpose((2, 0, 1) if extended else (2, 1, 0))
    joints, flags = table[..., :2], table[..., 2]
    if not np.isin(flags, (0, 1)).all():
        received = flags[~np.isin(flags, (0, 1))][0]
        raise InputError(path, "joints, third row", "flags 0 or 1", received)
    if extended:
        annotated = (flags == 1) & ~(joints <= 0).any(axis=2)
        high_resolution = _png_files(folder, len(joints))
        return _LspFile(folder, extended, joints, annotated, annotated, high_resolution)
    return _LspFile(folder, extended, joints, np.full(flags.shape, True), flags == 0)


def _png_files(folder: Path, count: int) -> list[Path] | None:
    """HR-LSPET's photographs, one for each person; None where there are none."""
    for place in (folder / "images", folder):
        found = sorted(place.glob("im[0-9]*.png"))
        if found and len(found) != count:
            expected = f"{count} photographs im*.png, one for each person of joints.mat"
            raise InputError(place, "", expected, len(found))
        if found:
            return found
    return None


def _person(file: _LspFile, i: int) -> Sample:
    source, annotated = file.folder / ANNOTATIONS, file.annotated[i]
    labelled = file.joints[i][annotated] - 1
    if not len(labelled):
        raise InputError.plain(source, f"person {i + 1}", "has no labelled joint")
    check_near(labelled, source, f"joints of person {i + 1}")
    joints = np.zeros((LSP.num_joints, 2), np.float32)
    joints[annotated] = labelled
    return Sample(
        image_path=file.photograph(i),
        joints=joints,
        annotated=annotated,
        visible=file.visible[i],
        box=Box.of_joints(labelled),
    )
