"""Named networks, their arguments and their cost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from types import MappingProxyType

import keras

from fpd_tf.errors import InputError
from fpd_tf.models.efficientnet import efficientnet_pose
from fpd_tf.models.hourglass import stacked_hourglass
from fpd_tf.models.mobilenet import mobilenet_pose
from fpd_tf.models.movenet import movenet_pose


@dataclass(frozen=True)
class Preset:
    """A network by name, at 256 px and 16 joints unless its kwargs say otherwise.

    Args:
        build: the function that builds it.
        kwargs: its arguments.
        parameters: trainable parameters, as counted here.
        giga_operations: 2 x multiply-adds / 1e9, as counted here.
        description: its origin, such as a row of the paper's Table 5.
    """

    build: Callable
    kwargs: dict = field(hash=False)
    parameters: int
    giga_operations: float
    description: str


def _hourglass(num_stacks, num_features, parameters, giga_operations, description):
    kwargs = {"num_stacks": num_stacks, "num_features": num_features}
    return Preset(stacked_hourglass, kwargs, parameters, giga_operations, description)


PRESETS = MappingProxyType(
    {
        "hourglass_8x256": _hourglass(
            8, 256, 25_434_112, 54.88, "the paper's teacher: 26M, 55G, PCKh 91.9"
        ),
        "hourglass_4x256": _hourglass(
            4, 256, 12_858_304, 29.41, "Table 5: 13M, 30G, PCKh 91.4"
        ),
        "hourglass_2x256": _hourglass(
            2, 256, 6_570_400, 16.67, "Table 5: 7M, 17G, PCKh 90.5"
        ),
        "hourglass_1x256": _hourglass(
            1, 256, 3_426_448, 10.30, "Table 5: 3M, 10G, PCKh 86.4"
        ),
        "hourglass_4x128": _hourglass(
            4, 128, 3_332_032, 9.34, "the paper's student: 3M, 9G, PCKh 90.1 (FPD 90.9)"
        ),
        "hourglass_4x64": _hourglass(
            4, 64, 949_888, 4.42, "Table 5: 0.95M, 4.5G, PCKh 87.9"
        ),
        "hourglass_4x32": _hourglass(
            4, 32, 339_616, 3.11, "Table 5: 0.34M, 3.1G, PCKh 83.4"
        ),
        "hourglass_2x64": _hourglass(
            2, 64, 545_248, 3.60, "a light student for two cores"
        ),
        "tiny": Preset(
            stacked_hourglass,
            {"num_stacks": 1, "num_features": 8, "depth": 1, "stem_width": 8},
            5_072,
            0.08,
            "for examples and tests; too small to learn from photographs",
        ),
        "mobilenet_pose": Preset(
            mobilenet_pose,
            {"alpha": 1.0, "num_features": 64},
            2_380_496,
            0.97,
            "MobileNetV2 with a heatmap head: a student that is not an hourglass",
        ),
        "mobilenet_pose_small": Preset(
            mobilenet_pose,
            {"alpha": 0.35, "num_features": 32},
            452_944,
            0.20,
            "the same at a third of the width",
        ),
        "efficientnet_pose": Preset(
            efficientnet_pose,
            {"coarsest": 32},
            3_006_928,
            1.03,
            "EfficientNet-Lite0 with a heatmap head: for ImageNet weights",
        ),
        "efficientnet_pose_small": Preset(
            efficientnet_pose,
            {"coarsest": 16},
            723_312,
            0.71,
            "the same without the stages of stride 32",
        ),
        "movenet_lightning": Preset(
            movenet_pose,
            {"width": 1.0, "input_size": 192},
            2_303_480,
            0.48,
            "MoveNet Lightning, 192 px: for weights of `fpd import`",
        ),
        "movenet_lite": Preset(
            movenet_pose,
            {"blocks": 14, "input_size": 192},
            713_400,
            0.36,
            "Lightning without its last three blocks: a third of its size",
        ),
        "movenet_thunder": Preset(
            movenet_pose,
            {"width": 1.75, "input_size": 256},
            6_211_552,
            2.32,
            "MoveNet Thunder: for weights of `fpd import`",
        ),
    }
)


def build_model(preset: str, **overrides) -> keras.Model:
    """Builds a preset's network.

    Args:
        preset: a name in `PRESETS`.
        overrides: arguments of the preset's function to replace, such as
            `num_joints=14, input_size=128`.

    Raises:
        InputError: no preset of that name, or an invalid argument.

    Example:
        >>> import fpd_tf as fpd
        >>> model = fpd.build_model("hourglass_2x64", num_joints=14, input_size=128)
        >>> len(model.outputs)
        2
    """
    if preset not in PRESETS:
        raise InputError("preset", "", f"one of {', '.join(PRESETS)}", preset)
    chosen = PRESETS[preset]
    known = signature(chosen.build).parameters
    for name in overrides:
        if name not in known:
            raise InputError(preset, "argument", f"one of {', '.join(known)}", name)
    kwargs = {**chosen.kwargs, "name": preset, **overrides}
    try:
        return chosen.build(**kwargs)
    except InputError:
        raise
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InputError(preset, "", f"usable values in {overrides}", error) from error
