"""Finding the json file of a split, and the folder of its photographs."""

from pathlib import Path

from fpd_tf.errors import InputError

_NAMES = {
    "train": ("train",),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
_PARTS = {
    "trainval": ("train", "val"),
    "all": ("train", "val", "test"),
}
_YEARS = ("", "2017", "2014")


def files_of_split(root: Path, split: str) -> list[tuple[Path, tuple[Path, ...]]]:
    """The json files of a split, each with the folders its photographs may lie in.

    A file is a split's by its name, or by its folder's: as published
    (`annotations/person_keypoints_train2017.json`), from CVAT
    (`annotations/person_keypoints_train.json`) or Roboflow
    (`train/_annotations.coco.json`). A single file without a split in its name has all
    people.

    Args:
        root: the folder.
        split: "train", "val", "test", "trainval" or "all".

    Raises:
        InputError: no file, or several for one split.
    """
    files = _keypoint_files(root)
    if not files:
        received = "none" if root.is_dir() else "no folder"
        expected = "a COCO json in it, in annotations/ or in train/, valid/ and test/"
        raise InputError(root, "", expected, received)
    by_split = {name: _named(files, name) for name in _NAMES}
    parts = _PARTS.get(split, (split,))
    wanted = [name for name in parts if by_split.get(name)]
    if not any(by_split.values()):
        only = _only(root, files, "one json, or train and val in their names")
        if split not in ("train", "all"):
            expected = "train or all of one json, or --validation 10%"
            raise InputError(only, "split", expected, split)
        return [(only, _folders(root, only, ""))]
    if not wanted or (split != "all" and len(wanted) < len(parts)):
        found = ", ".join(name for name, paths in by_split.items() if paths)
        expected = f"one of {found}, as files are named, or --validation 10%"
        raise InputError(root, "split", expected, split)
    chosen = []
    for name in wanted:
        path = _only(root, by_split[name], f"one json of {name}, or --annotations FILE")
        chosen.append((path, _folders(root, path, name)))
    return chosen


def folders_beside(path: Path) -> tuple[Path, ...]:
    """Folders to look in for the photographs of a json."""
    above = path.parent.parent if path.parent.name == "annotations" else path.parent
    split = next((name for name in _NAMES if _named([path], name)), "")
    return _folders(above, path, split)


def _keypoint_files(root):
    """Every json where tools put one; the keypoints' where COCO's others lie beside."""
    places = (
        root,
        root / "annotations",
        *(root / n for v in _NAMES.values() for n in v),
    )
    files = [path for place in places for path in sorted(place.glob("*.json"))]
    keypoints = [path for path in files if "keypoints" in path.name]
    return keypoints or files


def _named(files, split):
    """Those with the split's name as a word of theirs, or of their folder's."""
    endings = [name + year for name in _NAMES[split] for year in _YEARS]

    def fits(path):
        words = path.stem.lower().replace("-", "_").replace(".", "_").split("_")
        return bool({*words, path.parent.name.lower()} & {*endings})

    return [path for path in files if fits(path)]


def _only(root, paths, expected):
    if len(paths) > 1:
        found = ", ".join(str(path.relative_to(root)) for path in paths)
        raise InputError(root, "", expected, found)
    return paths[0]


def _folders(root, path, split):
    """Likeliest first: CVAT's has the file's last word, Roboflow's holds the file."""
    names = _NAMES.get(split, ("default",))
    named = [path.stem.removeprefix("person_keypoints_")]
    named += [name + year for name in names for year in reversed(_YEARS)]
    places = [root / name for name in named]
    places += [root / "images" / name for name in named]
    places += [root / "images", root / "images" / "default", path.parent, root]
    there = [place for place in dict.fromkeys(places) if place.is_dir()]
    return tuple(there) or (path.parent,)
