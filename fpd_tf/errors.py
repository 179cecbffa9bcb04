"""The two ways a command can say no: bad input (status 2), a gate (status 1)."""

from pathlib import Path


class InputError(ValueError):
    """Something handed in from outside is wrong: one line says what and where.

    Args:
        source: the file, setting or argument that was read.
        field: the part of it that is wrong, or "" for the whole of it.
        expected: what should have stood there.
        received: what stood there.

    Example:
        >>> from fpd_tf.errors import InputError
        >>> print(InputError("a.json", "scale", "a number above 0", -1.0))
        a.json: scale: expected a number above 0. Received: -1.0
    """

    def __init__(self, source: str | Path, field: str, expected: str, received: object):
        self.source, self.field = source, field
        where = f"{source}: {field}" if field else f"{source}"
        super().__init__(f"{where}: expected {expected}. Received: {received}")


class GateError(RuntimeError):
    """A limit (accuracy, parity, audit) did not hold; nothing is put in place."""
