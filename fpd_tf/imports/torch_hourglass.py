"""Published PyTorch hourglasses: state dicts to Keras networks with equal outputs.

Names and shapes of the weights, and what a cell of a heatmap stands for, are those of
bearpaw/pytorch-pose (edc7aec), yuanyuanli85/Fast_Human_Pose_Estimation_Pytorch
(c76bf0b) and ilovepose/fast-human-pose-estimation.pytorch (c4722f8).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np

from fpd_tf.errors import InputError
from fpd_tf.joints import MPII, JointSet
from fpd_tf.models.hourglass import stacked_hourglass
from fpd_tf.models.keras_file import named_network


@dataclass(frozen=True)
class Origin:
    """Preprocessing of a code base, which a state dict does not contain.

    Args:
        color_scale: factor on R, G, B in [0, 1].
        color_offset: added to R, G, B after it.
        reads_bgr: whether its first channel is blue.
        stem_padding: of the first convolution here, None for 2 before and 3 after.
    """

    color_scale: tuple[float, float, float]
    color_offset: tuple[float, float, float]
    reads_bgr: bool
    stem_padding: int | None


# The centre of heatmap cell n is crop pixel 4 n + 1.5 in this package. pytorch-pose
# rounds joints down to cells and shifts the crop by a pixel: about 4 n + 2 for crops
# half as large as the box. The authors round to cells: 4 n; padded by 2 in place of 3,
# their network gets the crop shifted by a pixel, and 4 n becomes 4 n + 1.
ORIGINS = MappingProxyType(
    {
        # RGB less the mean of MPII, not scaled
        "pytorch-pose": Origin((1.0,) * 3, (-0.4404, -0.4440, -0.4327), False, 3),
        # BGR (COLOR_RGB: false), the means and deviations of ImageNet in RGB's order
        "authors": Origin(
            (1 / 0.225, 1 / 0.224, 1 / 0.229),
            (-0.406 / 0.225, -0.456 / 0.224, -0.485 / 0.229),
            True,
            None,
        ),
    }
)

_PLACES = {"up": 0, "low1": 1, "low3": 2, "low2": 3}
_HEADS = {
    "lin_conv": "fc.{}.0",
    "lin_bn": "fc.{}.1",
    "score_conv": "score.{}",
    "remap_features_conv": "fc_.{}",
    "remap_score_conv": "score_.{}",
}
_NO_NETWORK = "the weights of a stacked hourglass of PyTorch"


def import_hourglass(
    path: str | Path,
    *,
    origin: str = "pytorch-pose",
    joint_set: JointSet = MPII,
    input_size: int = 256,
) -> keras.Model:
    """Reads a PyTorch checkpoint of a stacked hourglass. Needs torch.

    Args:
        path: a state dict, or a checkpoint that holds one as `state_dict`.
        origin: the code that trained it, a name in `ORIGINS`; pytorch-pose also for
            the unofficial repository of Fast Pose Distillation.
        joint_set: its joints, in its order.
        input_size: S, pixels.

    Returns:
        A network of `stacked_hourglass` with its joint names.

    Raises:
        InputError: no such file, no torch, no state dict, another network's, or other
            joints.

    Example:
        >>> from fpd_tf.imports.torch_hourglass import import_hourglass
        >>> import_hourglass("hg_s8_b1.pth.tar")
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: hg_s8_b1.pth.tar: expected a PyTorch checkpoint...
    """
    return hourglass_of_state_dict(
        _state_dict(Path(path)),
        str(path),
        origin=origin,
        joint_set=joint_set,
        input_size=input_size,
    )


def hourglass_of_state_dict(
    state: Mapping[str, np.ndarray],
    source: str,
    *,
    origin: str,
    joint_set: JointSet = MPII,
    input_size: int = 256,
) -> keras.Model:
    """`import_hourglass` of weights in NumPy, by their names in PyTorch.

    Args:
        state: weights by name, without `module.` in front.
        source: for messages.
        origin: a name in `ORIGINS`.
        joint_set: its joints, in its order.
        input_size: S, pixels.

    Raises:
        InputError: as there.
    """
    if origin not in ORIGINS:
        raise InputError("origin", "", f"one of {', '.join(ORIGINS)}", origin)
    left = {name: each for name, each in state.items() if not _is_count(name)}
    settings = _settings(left, source)
    if settings["num_joints"] != joint_set.num_joints:
        expected = f"the {joint_set.num_joints} joints of {joint_set.name}"
        raise InputError(source, "score.0.weight", expected, settings["num_joints"])
    shown = ORIGINS[origin]
    network = stacked_hourglass(
        input_size=input_size,
        stem_padding=shown.stem_padding,
        color_scale=shown.color_scale,
        color_offset=shown.color_offset,
        **settings,
    )
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(_weights(layer, left, source))
    if left:
        expected = "only the layers of a stacked hourglass"
        raise InputError(source, min(left), expected, f"{len(left)} more weights")
    if shown.reads_bgr:
        stem = network.get_layer("stem_conv")
        kernel, bias = stem.get_weights()
        stem.set_weights([kernel[:, :, ::-1], bias])
    return named_network(network, joint_set)


def _state_dict(path):
    if not path.is_file():
        received = "a folder" if path.is_dir() else "no such file"
        raise InputError(path, "", "a PyTorch checkpoint", received)
    try:
        import torch
    except ModuleNotFoundError as error:
        sentence = "only torch reads such a file: pip install torch"
        raise InputError.plain(path, "", sentence) from error
    try:
        read = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its readers raise
        reason = str(error).partition("\n")[0]
        expected = (
            "weights that torch.load reads with weights_only=True (where you trust the "
            "file, load it without and torch.save its state_dict alone)"
        )
        raise InputError(path, "", expected, reason) from error
    state = read.get("state_dict", read) if isinstance(read, Mapping) else None
    named = isinstance(state, Mapping) and {
        name: each for name, each in state.items() if isinstance(each, torch.Tensor)
    }
    if not named or len(named) < len(state):
        expected = "a state dict, or a checkpoint with one as state_dict"
        raise InputError(path, "", expected, type(read).__name__)
    return {
        str(name).removeprefix("module."): each.to(torch.float32).numpy()
        for name, each in named.items()
    }


def _is_count(name):
    """BatchNorm's count of batches, which no answer depends on."""
    return name.endswith(".num_batches_tracked")


def _settings(state, source):
    """Arguments of `stacked_hourglass`, read off the names and shapes."""

    def channels(name):
        found = state.get(name)
        if found is None or found.ndim != 4 or len(found) < 2:
            raise InputError(source, name, _NO_NETWORK, "none of that name and shape")
        return len(found)

    def count(pattern):
        return sum(re.fullmatch(pattern, name) is not None for name in state)

    return {
        "stem_width": channels("conv1.weight"),
        "pooled_width": channels("layer2.0.conv3.weight"),
        "num_features": channels("layer3.0.conv3.weight"),
        "num_joints": channels("score.0.weight"),
        "num_stacks": count(r"score\.\d+\.weight"),
        "num_blocks": count(r"res\.0\.\d+\.conv1\.weight"),
        "depth": count(r"hg\.0\.hg\.\d+\.0\.0\.conv1\.weight"),
    }


def _torch_name(layer):
    """PyTorch's name of a layer of `stacked_hourglass`."""
    if layer in ("stem_conv", "stem_bn"):
        return {"stem_conv": "conv1", "stem_bn": "bn1"}[layer]
    if head := re.fullmatch(r"stack(\d+)_(lin|score|remap)(_.*)", layer):
        return _HEADS[head[2] + head[3]].format(head[1])
    place, block, part = re.fullmatch(r"(.*)_res(\d+)_(.*)", layer).groups()
    if place == "stem":
        residual = f"layer{int(block) + 1}.0"
    elif after := re.fullmatch(r"stack(\d+)_out", place):
        residual = f"res.{after[1]}.{block}"
    else:
        stack, level, inside = re.fullmatch(r"stack(\d+)_hg(\d+)_(.*)", place).groups()
        residual = f"hg.{stack}.hg.{int(level) - 1}.{_PLACES[inside]}.{block}"
    step, _, kind = part.partition("_")
    return f"{residual}.{'downsample.0' if step == 'skip' else kind + step}"


def _weights(layer, left, source):
    """Takes a layer's weights out of those that are left, as Keras orders them."""
    name = _torch_name(layer.name)
    kinds = ("weight", "bias")
    if isinstance(layer, keras.layers.BatchNormalization):
        kinds += ("running_mean", "running_var")
    taken = []
    for kind, variable in zip(kinds, layer.weights, strict=True):
        field = f"{name}.{kind}"
        found = left.pop(field, None)
        if found is None:
            raise InputError(source, field, _NO_NETWORK, "no such weights")
        shape = tuple(variable.shape)
        expected = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape
        if found.shape != expected:
            raise InputError(source, field, f"shape {expected}", found.shape)
        if not np.isfinite(found).all():
            raise InputError(source, field, "finite numbers", "some that are not")
        taken.append(found.transpose(2, 3, 1, 0) if found.ndim == 4 else found)
    return taken
