"""Reading a file in a child process, since native code may crash or hang."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fpd_tf.errors import InputError, reason_of

SECONDS = 120
BYTES = 4 * 2**30
_ROOT = str(Path(__file__).parents[1])


def read_in_child(module: str, path: str | Path, expected: str) -> bytes:
    """What the `main` of a module prints about a file through `answer`.

    Args:
        module: of this package; one that imports fast.
        path: the file.
        expected: for messages, what the file should be.

    Raises:
        InputError: the reader raised, crashed, or took more than `SECONDS` or
            `BYTES`.

    Example:
        >>> from fpd_tf.sandbox import read_in_child
        >>> read_in_child("fpd_tf.data.mat_file", "no.mat", "a MATLAB file")
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: no.mat: expected a MATLAB file. Received: No such...
    """
    code = f"import sys; sys.path.append({_ROOT!r}); import {module} as m; m.main()"
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, str(path)],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        received = f"no end after {SECONDS} s"
        raise InputError(path, "", expected, received) from error
    if done.returncode:
        raise InputError(path, "", expected, _reason(done))
    return done.stdout


def answer(read: Callable[[Path], str]) -> None:
    """In the child: prints the result of `read`, or ends with the reason."""
    _limit_memory()
    try:
        print(read(Path(sys.argv[1])))
    except Exception as error:  # readers of binary files raise a dozen kinds
        sys.exit(reason_of(error))


def _limit_memory():
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    with suppress(ValueError, OSError):  # macOS may set none
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        most = BYTES if most == resource.RLIM_INFINITY else min(BYTES, most)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _reason(done):
    if done.returncode < 0:
        return f"its reader crashed ({signal.Signals(-done.returncode).name})"
    lines = done.stderr.decode(errors="replace").splitlines()
    return lines[-1] if lines else f"its reader ended with {done.returncode}"
