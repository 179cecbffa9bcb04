"""What a verb writes replaces nothing that it reads, and nothing that it writes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fpd_tf.errors import InputError
from fpd_tf.files import check_apart, check_file

PLOTS = ("picture", "ranges")
FILES = ("json_file", *PLOTS)
PLOT_SUFFIXES = (".jpg", ".pdf", ".png", ".svg")
OUTPUTS = ("out", "variants", *FILES)
PICTURES = ("images",)  # of these folders nothing but photographs is read


def check_outputs(given: Mapping[str, Any]) -> None:
    """Refuses an output that is an input, or another output, or cannot be written.

    Of a folder that is read, a file that is there already counts as an input; beside a
    model, its pose.json and the config.json of its run.

    Args:
        given: the values of a verb's options, by name.

    Raises:
        InputError: it is one, or a file without a folder to lie in, or a plot whose
            suffix names no format.
    """
    for path in (path for name in FILES for path in _paths(given.get(name))):
        check_file(path)
    for path in (path for name in PLOTS for path in _paths(given.get(name))):
        _check_suffix(path)
    inputs = {
        path: name for name in given.keys() - OUTPUTS for path in _paths(given[name])
    }
    written: list[Path] = []
    for output in (path for name in OUTPUTS for path in _paths(given.get(name))):
        for path, name in inputs.items():
            check_apart(output, _with_what_stands_beside(path))
            _check_outside(output, path, name in PICTURES)
        _check_once(output, written)
        written += _with_what_stands_beside(output)


def _check_suffix(plot):
    if plot.suffix.lower() not in PLOT_SUFFIXES:
        received = plot.suffix or "none"
        raise InputError(plot, "suffix", ", ".join(PLOT_SUFFIXES), received)


def _paths(value):
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if isinstance(each, Path)]


def _with_what_stands_beside(path):
    if path.suffix == ".tflite":
        return [path, path.with_suffix(".pose.json")]
    if path.suffix == ".keras":
        return [path, path.with_name("config.json")]
    return [path]


def _check_outside(output, folder, pictures_alone):
    if not (output.is_file() and folder.is_dir()):
        return
    from fpd_tf.data.images import SUFFIXES

    place = Path(os.path.realpath(output))
    inside = place.is_relative_to(os.path.realpath(folder))
    if inside and not (pictures_alone and output.suffix.lower() not in SUFFIXES):
        sentence = f"it would replace a file of the input {folder}"
        raise InputError.plain(output, "", f"{sentence}; choose another name")


def _check_once(output, written):
    if os.path.realpath(output) in map(os.path.realpath, written):
        sentence = "another output of this command has this name; choose another"
        raise InputError.plain(output, "", sentence)
