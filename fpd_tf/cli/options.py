"""Options that several verbs share, and the people that they load."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property, wraps
from inspect import Parameter, Signature, signature
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
    coco = "coco"
    yolo = "yolo"
    synthetic = "synthetic"
    packed = "packed"


class OnError(StrEnum):
    stop = "raise"
    skip = "skip"


class LooksAt(StrEnum):
    upright = "upright"
    mirrored = "mirrored"
    turned = "turned"


DataOption = Annotated[Data, typer.Option("--data", help="Format of the annotations.")]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="Folder of the data; synthetic data are drawn there if it is missing.",
    ),
]
SplitOption = Annotated[
    str,
    typer.Option("--split", help="train, val, test, trainval, all or FIRST-LAST."),
]
ScoredOption = Annotated[
    str | None,
    typer.Option(
        "--split", help="Split to score; by default val, or all with --annotations."
    ),
]
OnErrorOption = Annotated[
    OnError,
    typer.Option("--on-error", help="Stop at a bad person or image, or skip it."),
]
STUDENT = "or a shipped student: pose-small or pose-lite"
OutOption = Annotated[Path, typer.Option("--out", help="New folder to write.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result to this file as JSON.")
]


@dataclass(frozen=True)
class Source:
    """Where a verb's annotated people come from; each field is an option."""

    data: DataOption = Data.mpii
    root: RootOption = None
    on_error: OnErrorOption = OnError.stop
    annotations: Annotated[
        Path | None,
        typer.Option(help="With coco, one annotation file instead of --root."),
    ] = None
    images: Annotated[
        Path | None,
        typer.Option(help="With coco, the folder of the photographs."),
    ] = None
    category: Annotated[
        str | None,
        typer.Option(help="With coco or yolo, the category to use."),
    ] = None
    joints: Annotated[
        Path | None,
        typer.Option(
            help="With coco or yolo, a JSON file with joints, flip_pairs, limbs, "
            "groups or sigmas that do not follow from the joint names."
        ),
    ] = None
    validation: Annotated[
        str,
        typer.Option(
            help="Split to validate on, or none; with coco or yolo also a share of the "
            "photographs to hold out, such as 10%."
        ),
    ] = "val"
    metric: Annotated[
        str | None,
        typer.Option(
            help="oks, pckh, pck, pck@box or pck@JOINT,JOINT; the default depends on "
            "--data."
        ),
    ] = None

    def load(self, split: str | None = None) -> "People":
        """The people of a split, images checked; without a split, those to score."""
        from fpd_tf.data.held_out import part_of
        from fpd_tf.data.images import check_images

        split = split or self._scored
        if self._share:
            people = part_of(self._everybody, split, self._share)
        else:
            people = self._read(split)
        return check_images(people, self.on_error)

    def held_out(self) -> "People | None":
        """The people that --validation selects; None for none."""
        if self.validation == "none":
            return None
        return self.load("val" if self._share else self.validation)

    def held_out_for(self, what: str) -> "People":
        """The same, where they are required."""
        people = self.held_out()
        if people is None:
            sentence = (
                f"is none, but {what} needs people to score on: give a split, or 10%"
            )
            raise InputError.plain("--validation", "", sentence)
        return people

    @property
    def _share(self):
        return self.validation if "%" in self.validation else None

    @cached_property
    def _everybody(self):
        """Read once for both parts: people to train on and people held out."""
        return self._read("all")

    def _read(self, split):
        from fpd_tf.data.load import load_people

        drawn = self.data is Data.synthetic
        if self._share and self.data not in (Data.coco, Data.yolo):
            sentence = (
                f"a share such as {self.validation} goes with --data coco and yolo "
                "only; give a split"
            )
            raise InputError.plain("--validation", "", sentence)
        if not (drawn or self.root or self.annotations):
            sentence = f"give the folder of the {self.data} data"
            raise InputError.plain("--root", "", sentence)
        people = load_people(
            "mpii" if drawn else self.data,
            self._drawn() if drawn else self.root,
            split,
            on_error=self.on_error,
            annotations=self.annotations,
            images=self.images,
            category=self.category,
            joints=self.joints,
            validation=self._share,
        )
        if self.metric is None:
            return people
        return replace(people, metric=self.metric)

    @property
    def _scored(self):
        return "all" if self.annotations and not self._share else "val"

    def _drawn(self):
        from fpd_tf.drawn.layouts import synthesize

        root = self.root or Path("runs/synthetic")
        if not root.exists():
            synthesize(root, "mpii", count=600)
        return root


def with_people(verb: Callable) -> Callable:
    """Adds the options of `Source` to a verb, which receives them as `people`."""
    own = [
        each for each in signature(verb).parameters.values() if each.name != "people"
    ]
    shared = [
        Parameter(
            each.name,
            Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=each.type,
        )
        for each in fields(Source)
    ]

    @wraps(verb)
    def run(**given):
        chosen = {each.name: given.pop(each.name) for each in fields(Source)}
        return verb(people=Source(**chosen), **given)

    run.__signature__ = Signature([*own, *shared])
    return run


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Suppresses what TensorFlow prints on stderr while it loads.

    Raises:
        InputError: Keras is set to another backend, or to channels first.
    """
    _check_keras_settings()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with silent(2):
        yield
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.get_logger().setLevel("ERROR")


def _check_keras_settings():
    """Before Keras is imported: that fails if the chosen backend is not installed."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    file = home / "keras.json"
    try:
        settings = dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):  # Keras does without it too
        settings = {}
    if chosen := os.environ.get("KERAS_BACKEND"):
        source, field, backend = "KERAS_BACKEND", "", chosen
    else:
        source, field, backend = file, "backend", settings.get("backend", "tensorflow")
    if backend != "tensorflow":
        sentence = f"is {backend}; fpd runs on TensorFlow: set KERAS_BACKEND=tensorflow"
        raise InputError.plain(source, field, sentence)
    if settings.get("image_data_format", "channels_last") != "channels_last":
        sentence = 'must be "channels_last", as the networks of fpd_tf expect'
        raise InputError.plain(file, "image_data_format", sentence)


def say_moved(old: str, given: object, new: str) -> None:
    """Prints a deprecation on stderr for an option that has become a verb."""
    if given:
        said = f"`fpd {old}` is `fpd {new}` now; the option will be removed"
        print(f"fpd: {said}", file=sys.stderr)


def write_json(path: Path | None, content: Any) -> None:
    """Writes JSON if a path was given."""
    if path is None:
        return
    with written_whole(path) as aside:
        aside.write_text(json.dumps(content, indent=2))
