"""The losses of the paper as pure functions of tensors, for any Keras backend.

B batch, H x W heatmap, K joints.
"""

from collections.abc import Callable, Sequence

import keras
from keras import ops

from fpd_tf.errors import InputError

TINY = 1e-7
SHARPNESS = 50.0
POSITIVE = 9.0
_STEEP = -15.0


@keras.saving.register_keras_serializable("fpd_tf")
def joints_mse(heatmaps, predicted):
    """Squared distance of each joint's heatmap: summed over pixels (Eq. 3 and 4).

    Args:
        heatmaps: (B, H, W, K).
        predicted: (B, H, W, K).

    Returns:
        (B, K). It is not averaged over K and the batch, so that joint weights apply as
        ordinary sample weights in `fit`.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.training.losses import joints_mse
        >>> float(joints_mse(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5))[0, 0])
        1.0
    """
    difference = ops.cast(predicted, "float32") - ops.cast(heatmaps, "float32")
    return ops.sum(ops.square(difference), axis=(1, 2))


@keras.saving.register_keras_serializable("fpd_tf")
def joints_cross_entropy(heatmaps, predicted):
    """Cross-entropy of each joint's heatmap as a distribution over pixels (Table 7).

    Both maps are made positive and divided by their sum (the paper's L1 normalisation).
    Negative values of `heatmaps` count as 0. In `predicted` that would leave half the
    cells of a map initialised around 0 without a gradient; a softplus is used instead,
    max(x, 0) to within log(2) / SHARPNESS.

    Args:
        heatmaps: (B, H, W, K).
        predicted: (B, H, W, K).

    Returns:
        (B, K).
    """
    target = ops.relu(ops.cast(heatmaps, "float32")) + TINY
    target /= ops.sum(target, axis=(1, 2), keepdims=True)
    x = SHARPNESS * ops.cast(predicted, "float32")
    near = ops.log(ops.softplus(ops.maximum(x, _STEEP)))
    logits = ops.where(x > _STEEP, near, x)  # softplus(x) = exp(x), 0 in float32
    whole = ops.logsumexp(logits, axis=(1, 2), keepdims=True)
    return ops.sum(target * (whole - logits), axis=(1, 2))


@keras.saving.register_keras_serializable("fpd_tf")
def joints_binary_cross_entropy(heatmaps, predicted):
    """Cross-entropy of each cell, for heatmaps that come out of a sigmoid.

    The weight of a cell is 1 + 9 t, with the target t. The gradient of the squared
    error vanishes where a sigmoid is near 0, so that large steps leave it there; that
    of the cross-entropy does not.

    Args:
        heatmaps: (B, H, W, K) within [0, 1].
        predicted: (B, H, W, K) within [0, 1].

    Returns:
        (B, K), summed over pixels.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.training.losses import joints_binary_cross_entropy
        >>> half = np.full((1, 1, 1, 1), 0.5)
        >>> round(float(joints_binary_cross_entropy(np.ones_like(half), half)[0, 0]), 3)
        6.931
    """
    target = ops.cast(heatmaps, "float32")
    share = ops.clip(ops.cast(predicted, "float32"), TINY, 1 - TINY)
    likely = target * ops.log(share) + (1 - target) * ops.log(1 - share)
    return ops.sum(-(1 + POSITIVE * target) * likely, axis=(1, 2))


def stacks_loss(stacks: Sequence, heatmaps, weights, distance: Callable = joints_mse):
    """Weighted mean over people and joints, summed over stacks (L_mse of Eq. 3).

    Heatmaps with weight 0 are ignored, also if they are NaN.

    Args:
        stacks: a (B, H, W, K) tensor for each stack.
        heatmaps: (B, H, W, K) targets.
        weights: (B, K).
        distance: of two (B, H, W, K) heatmaps, (B, K).

    Raises:
        InputError: the distance has another shape.
    """
    weights = ops.cast(weights, "float32")
    heatmaps = ops.cast(heatmaps, "float32")
    heatmaps = ops.where(weights[:, None, None, :] != 0, heatmaps, 0.0)
    distances = [_of_each_joint(distance, heatmaps, stack) for stack in stacks]
    return sum(ops.mean(weights * each) for each in distances)


def _of_each_joint(distance, heatmaps, stack):
    values, num_joints = distance(heatmaps, stack), stack.shape[-1]
    if tuple(values.shape[1:]) != (num_joints,):
        name = getattr(distance, "__name__", type(distance).__name__)
        expected = f"(B, {num_joints}), a number for each joint: a sum over its pixels"
        raise InputError(name, "shape", expected, tuple(values.shape))
    return values


def fpd_loss(
    stacks: Sequence,
    heatmaps,
    joint_weights,
    teacher_heatmaps,
    distillation_weight: float,
    distance: Callable = joints_mse,
    teach_unlabelled: bool = True,
    teacher_weights=1.0,
    student_distance: Callable = joints_mse,
):
    """L = w * L_pd + (1 - w) * L_mse, summed over the student's stacks (Eq. 5).

    The joint weights mask the ground truth only: the teacher supervises every joint,
    also those without a label (the paper's section 3.2), unless `teach_unlabelled` is
    False.

    Args:
        stacks: the student's heatmaps, a (B, H, W, K) tensor for each stack.
        heatmaps: (B, H, W, K) ground truth.
        joint_weights: (B, K).
        teacher_heatmaps: (B, H, W, K), the teacher's last stack.
        distillation_weight: w, the paper's alpha.
        distance: of L_pd.
        teach_unlabelled: False to apply the joint weights to L_pd too.
        teacher_weights: (B, K) or one for all, weights of L_pd.
        student_distance: of L_mse, the squared error in the paper.

    Returns:
        Three scalars: the loss, L_mse (student_loss) and L_pd (distillation_loss).
    """
    joint_weights = ops.cast(joint_weights, "float32")
    believed = ops.cast(teacher_weights, "float32") * (
        ops.ones_like(joint_weights) if teach_unlabelled else joint_weights
    )
    student_loss = stacks_loss(stacks, heatmaps, joint_weights, student_distance)
    distillation_loss = stacks_loss(stacks, teacher_heatmaps, believed, distance)
    loss = (
        distillation_weight * distillation_loss
        + (1 - distillation_weight) * student_loss
    )
    return loss, student_loss, distillation_loss
