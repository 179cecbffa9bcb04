"""Python functions inside tf.data that do not block the end of the interpreter.

A thread of tf.data that asks for the interpreter while it ends never gets it, and the
end waits for that thread: a program that leaves an iterator behind would hang. Without
anybody who takes its batches, though, a dataset stops as soon as its buffers are full.
"""

import atexit
import time
from collections import deque
from collections.abc import Callable, Sequence

from fpd_tf.errors import InputError

_REST, _PATIENCE = 0.5, 20.0

_latest = -_REST
_refusals: deque[InputError] = deque(maxlen=32)


def numpy_in_graph(run: Callable, tensors: Sequence, dtypes: Sequence):
    """`tf.numpy_function` of a pure function, for use in `Dataset.map`."""
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert
    def noted(*arrays):
        global _latest
        _latest = time.monotonic()
        try:
            return run(*arrays)
        except InputError as error:
            _refusals.append(error)
            raise

    return tf.numpy_function(noted, tensors, dtypes, stateful=False)


def refusal_behind(error: Exception) -> InputError | None:
    """The InputError of a Python function that TensorFlow's error tells of."""
    return next((each for each in _refusals if str(each) in str(error)), None)


@atexit.register
def _come_to_rest():
    patience = time.monotonic() + _PATIENCE
    while _latest + _REST > time.monotonic() < patience:
        time.sleep(_REST / 10)
