"""The losses of the paper as pure functions of tensors, for any Keras backend.

B batch, H x W heatmap, K joints.
"""

from collections.abc import Callable, Sequence

from keras import ops

TINY = 1e-7


def joints_mse(heatmaps, predicted):
    """Squared distance of each joint's heatmap: summed over pixels (Eq. 3 and 4).

    Args:
        heatmaps: (B, H, W, K).
        predicted: (B, H, W, K).

    Returns:
        (B, K). The mean over K, and over the batch, is left to who reduces, so that
        joint weights apply as ordinary sample weights in `fit`.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.training.losses import joints_mse
        >>> float(joints_mse(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5))[0, 0])
        1.0
    """
    difference = ops.cast(predicted, "float32") - ops.cast(heatmaps, "float32")
    return ops.sum(ops.square(difference), axis=(1, 2))


def joints_cross_entropy(heatmaps, predicted):
    """Cross-entropy of each joint's heatmap as a distribution over pixels (Table 7).

    Both maps are clipped to be positive and divided by their sum (L1-normalised).

    Args:
        heatmaps: (B, H, W, K).
        predicted: (B, H, W, K).

    Returns:
        (B, K).
    """
    target, guess = (
        _distribution(ops.cast(maps, "float32")) for maps in (heatmaps, predicted)
    )
    return -ops.sum(target * ops.log(guess), axis=(1, 2))


def stacks_mse(stacks: Sequence, heatmaps, joint_weights):
    """L_mse under joint weights, summed over stacks: what `fit` makes of `joints_mse`.

    Args:
        stacks: a (B, H, W, K) tensor for each stack.
        heatmaps: (B, H, W, K) ground truth.
        joint_weights: (B, K).
    """
    return sum(
        ops.mean(joint_weights * joints_mse(heatmaps, stack)) for stack in stacks
    )


def fpd_loss(
    stacks: Sequence,
    heatmaps,
    joint_weights,
    soft_heatmaps,
    distillation_weight: float,
    distance: Callable = joints_mse,
    teach_unlabelled: bool = True,
):
    """L = w * L_pd + (1 - w) * L_mse, summed over the student's stacks (Eq. 5).

    The joint weights mask the ground truth only: the teacher supervises every joint,
    also those without a label (the paper's section 3.2), unless it is told not to.

    Args:
        stacks: the student's heatmaps, a (B, H, W, K) tensor for each stack.
        heatmaps: (B, H, W, K) ground truth.
        joint_weights: (B, K).
        soft_heatmaps: (B, H, W, K), the teacher's last stack.
        distillation_weight: w, the paper's alpha.
        distance: of L_pd; L_mse is always `joints_mse`.
        teach_unlabelled: whether the joint weights leave L_pd alone.

    Returns:
        Three scalars: the loss, L_mse (student_loss) and L_pd (distillation_loss).
    """
    soft_weights = 1.0 if teach_unlabelled else joint_weights
    student_loss = stacks_mse(stacks, heatmaps, joint_weights)
    distillation_loss = sum(
        ops.mean(soft_weights * distance(soft_heatmaps, stack)) for stack in stacks
    )
    loss = (
        distillation_weight * distillation_loss
        + (1 - distillation_weight) * student_loss
    )
    return loss, student_loss, distillation_loss


def _distribution(maps):
    maps = ops.maximum(maps, 0.0) + TINY
    return maps / ops.sum(maps, axis=(1, 2), keepdims=True)
