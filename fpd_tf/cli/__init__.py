"""The command `fpd VERB`: parses, calls one function, prints one table."""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from fpd_tf.cli import (
    bundle,
    data,
    examine,
    export,
    import_,
    measure,
    predict,
    start,
    train,
)
from fpd_tf.cli.outputs import check_outputs
from fpd_tf.errors import GateError, InputError
from fpd_tf.quiet import silent


class Verb(TyperCommand):
    """A verb whose outputs may not overwrite its inputs."""

    def invoke(self, context: typer.Context):
        check_outputs(context.params)
        return super().invoke(context)


app = typer.Typer(
    name="fpd",
    help="Fast Pose Distillation: train small pose networks and run them on phones.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
VERBS = (
    *(start, data, import_, train, measure),
    *(predict, export, examine, bundle),
)
for verbs in VERBS:
    for verb in verbs.app.registered_commands:
        verb.cls = Verb
    app.add_typer(verbs.app)


@app.callback()
def options(
    context: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
):
    if quiet:
        context.with_resource(silent(1, 2))


def main():
    """Runs a verb. Exit status: 0 success, 1 a limit was not met, 2 bad input."""
    _print_any_name()
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except TyperException as error:
        _refuse(error.format_message().replace("Value error, ", ""), 2)
    except GateError as error:
        _refuse(error, 1)
    except InputError as error:
        _refuse(error, 2)
    except OSError as error:
        _refuse(_in_words(error), 2)
    except ImportError as error:
        _refuse(_what_to_install(error), 2)
    except (typer.Abort, KeyboardInterrupt):
        _refuse("stopped", 130)


def _print_any_name():
    """Characters that the console cannot print are escaped, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _what_to_install(error):
    """One line for a package that is missing or cannot be loaded on this machine."""
    if error.name == "cv2":
        return (
            f"OpenCV does not start: {error}. fpd_tf opens no window: pip uninstall "
            "opencv-python, then pip install --force-reinstall opencv-python-headless"
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            f"needs the package {error.name}: `pip install .` in the repository of "
            "fpd_tf installs it"
        )
    return f"{error.name} does not start: {error}; `fpd doctor` checks this install"


def _in_words(error):
    """The file and what is wrong with it, without the number of the error."""
    if error.filename is None or not error.strerror:
        return error
    return f"{error.filename}: {error.strerror}"


def _refuse(reason, status):
    print("fpd: " + " ".join(str(reason).split()), file=sys.stderr)
    sys.exit(status)
