"""The outputs of a network as a list, for any number of stacks."""


def as_stacks(outputs) -> list:
    """A list with one (B, H, W, K) tensor for each stack.

    Keras returns the single output of a network as a bare tensor; iterating over it
    would iterate over the batch, and a loss computed that way would be wrong.

    Example:
        >>> from fpd_tf.models.stacks import as_stacks
        >>> as_stacks("tensor"), as_stacks(["first", "last"])
        (['tensor'], ['first', 'last'])
    """
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
