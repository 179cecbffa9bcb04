"""Python functions inside of tf.data, at rest when the interpreter ends.

A thread of tf.data that asks for the interpreter while it ends never gets it, and the
end waits for that thread: a program that leaves an iterator behind would hang. Without
anybody who takes its batches, though, a dataset stops as soon as its buffers are full.
"""

import atexit
import time
from collections.abc import Callable

_REST, _PATIENCE = 0.5, 20.0

_latest = -_REST


def numpy_in_graph(run: Callable, tensors: list, dtype):
    """`tf.numpy_function` of a pure function, for use in `Dataset.map`."""
    import tensorflow as tf

    def noted(*arrays):
        global _latest
        _latest = time.monotonic()
        return run(*arrays)

    return tf.numpy_function(noted, tensors, dtype, stateful=False)


@atexit.register
def _come_to_rest():
    patience = time.monotonic() + _PATIENCE
    while _latest + _REST > time.monotonic() < patience:
        time.sleep(_REST / 10)
