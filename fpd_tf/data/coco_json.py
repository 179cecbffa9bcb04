"""A COCO keypoints file as it was written: images, annotations, categories, checked."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fpd_tf.data.checks import described
from fpd_tf.errors import InputError
from fpd_tf.files import read_json


@dataclass(frozen=True, eq=False)
class CocoFile:
    """What a file holds.

    Args:
        path: the file.
        folders: where its photographs may lie, the likeliest first.
        images: its records, in order.
        annotations: likewise.
        categories: likewise.
    """

    path: Path
    folders: tuple[Path, ...]
    images: list[dict]
    annotations: list[dict]
    categories: list[dict]

    def photographs(self) -> dict[str, Path | InputError]:
        """Image id -> its photograph, or what is wrong with the record."""
        found: dict[str, Path | InputError] = {}
        taken: dict[Path, str] = {}
        for at, image in enumerate(self.images):
            key = str(image.get("id"))
            try:
                if key in found:
                    sentence = f"{key} is used twice"
                    raise InputError.plain(self.path, f"images[{at}].id", sentence)
                field = f"images[{at}].file_name"
                path = self._photograph(image, field)
                if path in taken:
                    sentence = f"{path} is image {taken[path]} too"
                    raise InputError.plain(self.path, field, sentence)
                found[key], taken[path] = path, key
            except InputError as error:
                found[key] = error
        return found

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Image id -> the width and height that its labels count on, where given."""
        found = {}
        for image in self.images:
            size = image.get("width"), image.get("height")
            if all(isinstance(side, int) and side > 0 for side in size):
                found[str(image.get("id"))] = size
        return found

    def _photograph(self, image, field):
        """Where its file lies; folders that a tool put before the name may be gone."""
        name = image.get("file_name")
        parts = PurePosixPath(name.replace("\\", "/")).parts if _named(name) else ()
        if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0]:
            expected = "the name of a file below the folder of photographs"
            raise InputError(self.path, field, expected, described(name))
        for start in range(len(parts)):
            for folder in self.folders:
                if folder.joinpath(*parts[start:]).is_file():
                    return folder.joinpath(*parts[start:])
        places = ", ".join(map(str, self.folders))
        expected = f"a file below {places} (or give the folder of the photographs)"
        raise InputError(self.path, field, expected, described(name))


def read_coco(
    path: Path, folders: tuple[Path, ...], *, keypoints: bool = True
) -> CocoFile:
    """Reads a file.

    Args:
        path: the json.
        folders: where its photographs may lie.
        keypoints: whether it must have a category with keypoints; else it may have no
            categories.

    Raises:
        InputError: no json, or of another kind.
    """
    expected = "COCO json of boxes: images and annotations with bbox"
    if keypoints:
        expected = (
            "COCO keypoints json: images, annotations and categories with keypoints"
        )
    content = read_json(path, expected)
    if not isinstance(content, dict):
        raise InputError(path, "", expected, described(content))
    lists = {}
    for field in ("images", "annotations", "categories"):
        lists[field] = content.get(field)
        if field == "categories" and not keypoints and not lists[field]:
            lists[field] = []
            continue
        if not isinstance(lists[field], list) or not lists[field]:
            received = "none" if not lists[field] else described(lists[field])
            raise InputError(path, field, "a list of records", received)
        for at, record in enumerate(lists[field]):
            if not isinstance(record, dict):
                raise InputError(path, f"{field}[{at}]", "an object", described(record))
    categories, seen = lists["categories"], set()
    for at, category in enumerate(categories):
        key = str(category.get("id"))
        if key in seen:
            raise InputError.plain(path, f"categories[{at}].id", f"{key} is used twice")
        seen.add(key)
    if keypoints and not any(each.get("keypoints") for each in categories):
        names = ", ".join(str(each.get("name")) for each in categories)
        wanted = "a category with keypoints (was it exported with boxes only?)"
        raise InputError(path, "categories", wanted, names)
    return CocoFile(path, folders, **lists)


def _named(name):
    return isinstance(name, str) and "\0" not in name
