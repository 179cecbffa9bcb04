"""Progress bars."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext


def tracked(
    items: Iterable, what: str, total: float | None = None, *, timed: bool = False
) -> Iterable:
    """Yields the items, with a bar and the time left on standard error.

    Only on a terminal: elsewhere it would leave a blank line, and a notebook would need
    widgets.

    Args:
        items: to go through.
        what: is being done.
        total: number of items, where they do not know it themselves.
        timed: draw between items only, so that nothing runs beside one.

    Example:
        >>> from fpd_tf.progress import tracked
        >>> list(tracked("ab", "spelling"))
        ['a', 'b']
    """
    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    look = {"console": console, "transient": True, "auto_refresh": not timed}
    return track(items, what, total, disable=not console.is_terminal, **look)


def waiting(what: str) -> AbstractContextManager:
    """A line on standard error while something runs; only a terminal gets one.

    Args:
        what: is being done.

    Example:
        >>> from fpd_tf.progress import waiting
        >>> with waiting("reading"):
        ...     pass
    """
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)
