"""The codec of a network, and how many joints it has, from its shapes."""

from collections.abc import Sequence
from pathlib import Path

from fpd_tf.codec import Heatmaps
from fpd_tf.errors import InputError
from fpd_tf.joints import JointSet


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
        >>> from fpd_tf.contract.shapes import codec_of
        >>> codec, num_joints = codec_of("student", (1, 64, 64, 3), (1, 32, 32, 14))
        >>> codec.stride, num_joints
        (2, 14)
    """
    if not _suit(image, heatmaps):
        received = f"{tuple(image)} to {tuple(heatmaps)}"
        expected = "(B, S, S, 3) to heatmaps (B, H, H, K), S a multiple of H"
        raise InputError(source, "shapes", expected, received)
    size, rows, num_joints = int(image[1]), int(heatmaps[1]), int(heatmaps[3])
    return Heatmaps(size, size // rows), num_joints


def check_joint_set(
    source: str | Path, num_joints: int, joint_set: JointSet | None
) -> None:
    """Checks that a joint set has as many joints as the heatmaps.

    Raises:
        InputError: it has more or fewer.
    """
    if joint_set and joint_set.num_joints != num_joints:
        expected = f"{joint_set.num_joints}, those of {joint_set.name}"
        raise InputError(source, "joints", expected, num_joints)


def _suit(image, heatmaps):
    if not len(image) == len(heatmaps) == 4:
        return False
    (size, width, colors), (rows, columns, joints) = image[1:], heatmaps[1:]
    if not all(each and each > 0 for each in (size, rows, joints)):
        return False
    return (size, colors, rows) == (width, 3, columns) and size % rows == 0
