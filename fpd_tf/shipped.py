"""Files of the package beside its code: sources of the apps, trained networks."""

from pathlib import Path

from fpd_tf.errors import InputError

POSE_MODEL = "models/pose-small.int8.tflite"
KERAS_FILES = (".keras", ".h5", ".hdf5")


def shipped(name: str = "") -> Path:
    """A file or folder of `tflite/`: in an installed package, or in a checkout.

    Args:
        name: relative to that folder, such as `POSE_MODEL`; itself where empty.

    Raises:
        InputError: it was left out of this install.

    Example:
        >>> from fpd_tf.shipped import shipped
        >>> shipped("web").is_dir()
        True
    """
    package = Path(__file__).parent
    places = [package / "apps" / name, package.parent / "tflite" / name]
    for place in places:
        if place.exists():
            return place
    raise InputError.plain(places[-1], "", "is missing; install fpd_tf again")


def model_file(given: str | Path, kind: str = "int8.tflite") -> Path:
    """The file of a network, which may be given as the name of a shipped student.

    Args:
        given: a file; or a name such as "pose-lite" or "pose-lite.float16", where no
            file is called so.
        kind: of the file of a name that does not say it: int8.tflite or keras.

    Raises:
        InputError: neither a file nor such a name. A path with a suffix is not checked.

    Example:
        >>> from fpd_tf.shipped import model_file
        >>> model_file("pose-lite").name, model_file("student.keras").name
        ('pose-lite.int8.tflite', 'student.keras')
    """
    path = Path(given)
    if path.suffix not in ("", ".int8", ".float16") or path.exists():
        return path
    models = shipped("models")
    suffix = Path(f"student.{kind}").suffix
    students = {each.stem: each for each in models.glob(f"*{suffix}")}
    usual = models.glob(f"*.{kind}")
    students |= {each.name.removesuffix(f".{kind}"): each for each in usual}
    if str(path) not in students:
        names = ", ".join(sorted(students))
        expected = f"a file such as student{suffix}, or a shipped student: {names}"
        raise InputError(path, "", expected, "neither")
    return students[str(path)]
