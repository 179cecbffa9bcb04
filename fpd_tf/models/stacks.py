"""What a network gives back, whatever the number of its stacks."""


def as_stacks(outputs) -> list:
    """A list with one (B, H, W, K) tensor for each stack.

    Keras hands a network with one output back as a bare tensor; iterating over that
    would walk through the batch, and a loss over it would train nonsense in silence.

    Example:
        >>> from fpd_tf.models.stacks import as_stacks
        >>> as_stacks("tensor"), as_stacks(["first", "last"])
        (['tensor'], ['first', 'last'])
    """
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
