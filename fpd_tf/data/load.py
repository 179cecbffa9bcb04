"""Loading annotated people of any supported format."""

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import MappingProxyType

from fpd_tf.data.coco import load_coco
from fpd_tf.data.lsp import load_lsp
from fpd_tf.data.mpii import load_mpii
from fpd_tf.data.packed import load_packed
from fpd_tf.data.people import People
from fpd_tf.data.yolo import load_yolo
from fpd_tf.errors import InputError

LOADERS: MappingProxyType[str, Callable] = MappingProxyType(
    {
        "mpii": load_mpii,
        "lsp": load_lsp,
        "coco": load_coco,
        "yolo": load_yolo,
        "packed": load_packed,
    }
)


def load_people(
    data: str,
    root: str | Path | None = None,
    split: str = "train",
    *,
    on_error: str = "raise",
    **own: str | Path | None,
) -> People:
    """One split of a data set.

    Args:
        data: "mpii", "lsp", "coco", "yolo" or "packed".
        root: folder of the data set.
        split: which people, as the loader of that data set says.
        on_error: "raise" at the first bad person, or "skip" them and log how many.
        own: further arguments of the loader, such as `load_coco`'s `annotations`; None
            counts as not given.

    Raises:
        InputError: no such data set, its loader knows no such argument, or it refuses a
            file or a person.

    Example:
        >>> import fpd_tf as fpd
        >>> root = fpd.synthesize("people", count=12)
        >>> fpd.load_people("mpii", root, "val").joint_set.name
        'mpii'
    """
    if data not in LOADERS:
        raise InputError("data", "", f"one of {', '.join(LOADERS)}", data)
    own = {name: value for name, value in own.items() if value is not None}
    if unknown := own.keys() - signature(LOADERS[data]).parameters.keys():
        takers = [
            name
            for name, load in LOADERS.items()
            if unknown <= signature(load).parameters.keys()
        ]
        sentence = f"does not take {', '.join(sorted(unknown))}"
        if takers:
            sentence += f"; {' and '.join(takers)} {'do' if takers[1:] else 'does'}"
        raise InputError.plain(data, "", sentence)
    if root is None and "annotations" not in own:
        raise InputError.plain(data, "root", "give the folder of the data")
    return LOADERS[data](root, split, on_error=on_error, **own)
