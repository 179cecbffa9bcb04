"""What a network's shapes say of its codec."""

from collections.abc import Sequence
from pathlib import Path

from fpd_tf.codec import Heatmaps
from fpd_tf.errors import InputError


def codec_of(
    source: str | Path, image: Sequence[int | None], heatmaps: Sequence[int | None]
) -> tuple[Heatmaps, int]:
    """The codec and K of a network from `image` to `heatmaps`.

    Args:
        source: for messages.
        image: (B, S, S, 3).
        heatmaps: (B, H, H, K), H a divisor of S.

    Raises:
        InputError: other shapes.

    Example:
        >>> from fpd_tf.predictors.shapes import codec_of
        >>> codec, num_joints = codec_of("student", (1, 64, 64, 3), (1, 32, 32, 14))
        >>> codec.stride, num_joints
        (2, 14)
    """
    suits = len(image) == len(heatmaps) == 4 and None not in (*image[1:], *heatmaps[1:])
    if suits:
        _, size, width, colors = map(lambda each: each or 1, image)
        _, rows, columns, num_joints = map(lambda each: each or 1, heatmaps)
        suits = (size, colors, rows) == (width, 3, columns) and size % rows == 0
    if not suits:
        received = f"{tuple(image)} to {tuple(heatmaps)}"
        expected = "(B, S, S, 3) to (B, H, H, K), S a multiple of H"
        raise InputError(source, "shapes", expected, received)
    return Heatmaps(int(size), int(size) // int(rows)), int(num_joints)
