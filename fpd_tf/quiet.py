"""Suppressing what native code prints."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from fpd_tf.errors import InputError


@contextmanager
def quiet() -> Iterator[None]:
    """Suppresses what native code writes to standard error; prints it after an error.

    An InputError says what was wrong itself.

    Example:
        >>> import os
        >>> from fpd_tf.quiet import quiet
        >>> with quiet():
        ...     _ = os.write(2, b"never seen")
    """
    with tempfile.TemporaryFile() as held:
        try:
            with _sent_to(held, 2):
                yield
        except InputError:
            raise
        except BaseException:
            held.seek(0)
            os.write(2, held.read())
            raise


@contextmanager
def silent(*descriptors: int) -> Iterator[None]:
    """Discards what is written to these file descriptors, also after an error.

    Example:
        >>> import os
        >>> from fpd_tf.quiet import silent
        >>> with silent(2):
        ...     _ = os.write(2, b"never seen")
    """
    with open(os.devnull, "wb") as nowhere, _sent_to(nowhere, *descriptors):
        yield


@contextmanager
def _sent_to(file: IO, *descriptors: int) -> Iterator[None]:
    _flush()
    kept = [os.dup(each) for each in descriptors]
    for each in descriptors:
        os.dup2(file.fileno(), each)
    try:
        yield
    finally:
        _flush()
        for each, copy in zip(descriptors, kept, strict=True):
            os.dup2(copy, each)
            os.close(copy)


def _flush():
    sys.stdout.flush()
    sys.stderr.flush()
