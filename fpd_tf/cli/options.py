"""Options that several verbs share, and what they load."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpd_tf.errors import InputError
from fpd_tf.files import written_whole
from fpd_tf.quiet import silent

if TYPE_CHECKING:
    from fpd_tf.data.people import People


class Data(StrEnum):
    mpii = "mpii"
    lsp = "lsp"
    synthetic = "synthetic"
    packed = "packed"


class OnError(StrEnum):
    stop = "raise"
    skip = "skip"


DataOption = Annotated[Data, typer.Option("--data", help="Layout of the annotations.")]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root", help="Folder of the data; for synthetic, drawn there when missing."
    ),
]
SplitOption = Annotated[
    str,
    typer.Option("--split", help="train, val, test, trainval, all or FIRST-LAST."),
]
OnErrorOption = Annotated[
    OnError, typer.Option("--on-error", help="What to do with a bad person or image.")
]
OutOption = Annotated[Path, typer.Option("--out", help="New folder to write.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result to this file as JSON.")
]


@dataclass(frozen=True)
class Source:
    """Where a verb's annotated people come from: --data, --root and --on-error."""

    data: Data
    root: Path | None
    on_error: OnError

    def load(self, split: str) -> "People":
        """A split of them, their photographs there."""
        from fpd_tf.data.images import check_images
        from fpd_tf.data.load import load_people

        if self.data is Data.synthetic:
            return check_images(load_people("mpii", self._drawn(), split))
        if self.root is None:
            expected = f"the folder of the {self.data} data"
            raise InputError("--root", "", expected, "nothing")
        people = load_people(self.data, self.root, split, on_error=self.on_error)
        return check_images(people, self.on_error)

    def _drawn(self):
        from fpd_tf.drawn.layouts import synthesize

        root = self.root or Path("runs/synthetic")
        if not root.exists():
            synthesize(root, "mpii", count=600)
        return root


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Keeps what TensorFlow prints while it loads and looks for devices off stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with silent(2):
        yield
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.get_logger().setLevel("ERROR")


def write_json(path: Path | None, content: Any) -> None:
    """Where a path was given."""
    if path is None:
        return
    with written_whole(path) as aside:
        aside.write_text(json.dumps(content, indent=2))
