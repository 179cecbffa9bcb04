"""The verb `import`: published weights as a Keras network."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import quiet_tensorflow
from fpd_tf.errors import InputError
from fpd_tf.files import check_file
from fpd_tf.joints import JOINT_SETS

app = typer.Typer()
Joints = StrEnum("Joints", {name: name for name in JOINT_SETS})


class TrainedBy(StrEnum):
    pytorch_pose = "pytorch-pose"
    authors = "authors"


@app.command(
    "import",
    epilog="Example: fpd import movenet-lightning.float16.tflite --joints lsp "
    "--out lightning.keras",
)
def import_network(
    model: Annotated[
        Path,
        typer.Argument(
            help="MoveNet single pose, .tflite, float16 or float32; or a PyTorch "
            "checkpoint of a stacked hourglass."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="New .keras file to write.")],
    joints: Annotated[
        Joints | None,
        typer.Option(
            help="For MoveNet, joints of the new network, matched with its 17 by name; "
            "for an hourglass, those it was trained on, by default mpii."
        ),
    ] = None,
    origin: Annotated[
        TrainedBy | None,
        typer.Option(
            help="Code that trained an hourglass: bearpaw/pytorch-pose (the default; "
            "also for the unofficial FPD) or that of the authors of FPD."
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Input size of an hourglass, pixels; by default 256."),
    ] = None,
):
    """Convert the weights of a published network to a trainable Keras network."""
    if out.exists():
        raise InputError.plain(out, "", "it exists already; give another name")
    if out.suffix != ".keras":
        raise InputError(out, "", "the name of a new .keras file", out.name)
    check_file(out)
    with quiet_tensorflow():
        from fpd_tf.models.cost import model_cost
        from fpd_tf.models.keras_file import save_network
    if model.suffix == ".tflite":
        network = _movenet(model, joints, origin, size)
    else:
        network = _hourglass(model, joints, origin, size)
    save_network(network, out)
    size, parameters = network.input_shape[1], model_cost(network).parameters
    print(
        f"{out}: {size} px, {network.outputs[-1].shape[-1]} joints of "
        f"{network.joint_set.name}, {parameters:,} parameters"
    )


def _movenet(model, joints, origin, size):
    from fpd_tf.imports.movenet import import_movenet

    if joints is None:
        expected = f"{', '.join(JOINT_SETS)}, for a .tflite"
        raise InputError("--joints", "", expected, "nothing")
    for option, given in (("--origin", origin), ("--size", size)):
        if given is not None:
            sentence = "is for a PyTorch hourglass; leave it out for a .tflite"
            raise InputError.plain(option, "", sentence)
    return import_movenet(model, JOINT_SETS[joints])


def _hourglass(model, joints, origin, size):
    from fpd_tf.imports.torch_hourglass import import_hourglass

    return import_hourglass(
        model,
        origin=origin or TrainedBy.pytorch_pose,
        joint_set=JOINT_SETS[joints or "mpii"],
        input_size=size or 256,
    )
