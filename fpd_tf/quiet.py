"""Native code's running commentary, kept off the terminal unless it fails."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Holds back what native code writes to standard error; shows it after an error.

    Example:
        >>> import os
        >>> from fpd_tf.quiet import quiet
        >>> with quiet():
        ...     _ = os.write(2, b"never seen")
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
