"""The one door to annotated people, whatever their files look like."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from fpd_tf.data.lsp import load_lsp
from fpd_tf.data.mpii import load_mpii
from fpd_tf.data.packed import load_packed
from fpd_tf.data.people import People
from fpd_tf.errors import InputError

LOADERS: MappingProxyType[str, Callable] = MappingProxyType(
    {"mpii": load_mpii, "lsp": load_lsp, "packed": load_packed}
)


def load_people(
    data: str, root: str | Path, split: str = "train", *, on_error: str = "raise"
) -> People:
    """One split of a data set.

    Args:
        data: "mpii", "lsp" or "packed".
        root: folder of the data set.
        split: which people, as the loader of that data set says.
        on_error: "raise" at the first bad person, or "skip" them and log how many.

    Raises:
        InputError: no such data set, or its loader refuses a file or a person.

    Example:
        >>> import fpd_tf as fpd
        >>> root = fpd.synthesize("people", count=12)
        >>> fpd.load_people("mpii", root, "val").joint_set.name
        'mpii'
    """
    if data not in LOADERS:
        raise InputError("data", "", f"one of {', '.join(LOADERS)}", data)
    return LOADERS[data](root, split, on_error=on_error)
