"""Files of the package beside its code: sources of the apps, trained networks."""

from pathlib import Path

from fpd_tf.errors import InputError

POSE_MODEL = "models/pose-small.int8.tflite"


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
