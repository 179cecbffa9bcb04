"""The two errors that end a command: bad input (status 2), a limit (status 1)."""

from pathlib import Path


class InputError(ValueError):
    """Bad input: one line says what is wrong, and where.

    Args:
        source: the file, setting or argument that was read.
        field: the part of it that is wrong, or "".
        expected: what a valid value is.
        received: the value.

    Example:
        >>> from fpd_tf.errors import InputError
        >>> print(InputError("a.json", "scale", "a number above 0", -1.0))
        a.json: scale: expected a number above 0. Received: -1.0
        >>> print(InputError.plain("runs/one", "", "this folder exists already"))
        runs/one: this folder exists already
    """

    def __init__(self, source: str | Path, field: str, expected: str, received: object):
        self._say(source, field, f"expected {expected}. Received: {received}")

    @classmethod
    def plain(cls, source: str | Path, field: str, sentence: str) -> "InputError":
        """The same with a free sentence in place of "expected ... Received ...".

        Args:
            source: as above.
            field: as above.
            sentence: what is wrong and what to do.
        """
        error = cls.__new__(cls)
        error._say(source, field, sentence)
        return error

    def __reduce__(self):  # to pass it between processes
        return InputError.plain, (self.source, self.field, self._sentence)

    def _say(self, source, field, sentence):
        self.source, self.field, self._sentence = source, field, sentence
        where = f"{source}: {field}" if field else f"{source}"
        super().__init__(f"{where}: {sentence}")


def reason_of(error: Exception) -> str:
    """What an error of another library says, its first line.

    Example:
        >>> from fpd_tf.errors import reason_of
        >>> reason_of(FileNotFoundError(2, "No such file", "a.json"))
        'No such file'
    """
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return reason or type(error).__name__


class GateError(RuntimeError):
    """A limit (accuracy, parity, audit) was not met; no file is written."""
