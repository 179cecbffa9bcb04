"""The verb `import`: a network that others trained, as one of ours."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import quiet_tensorflow
from fpd_tf.errors import InputError
from fpd_tf.joints import JOINT_SETS

app = typer.Typer()
Joints = StrEnum("Joints", {name: name for name in JOINT_SETS})


@app.command(
    "import",
    epilog="Example: fpd import movenet-lightning.float16.tflite --joints lsp "
    "--out lightning.keras",
)
def import_network(
    model: Annotated[
        Path,
        typer.Argument(help="MoveNet's .tflite, float16 or float32, for one person."),
    ],
    joints: Annotated[
        Joints, typer.Option(help="Joints to give, matched with COCO's 17 by name.")
    ],
    out: Annotated[Path, typer.Option("--out", help="New .keras file to write.")],
):
    """Read the weights of a published MoveNet into a network that can be trained."""
    if out.exists():
        raise InputError.plain(out, "", "it exists already; give another name")
    if out.suffix != ".keras":
        raise InputError(out, "", "the name of a new .keras file", out.name)
    with quiet_tensorflow():
        from fpd_tf.imports.movenet import import_movenet
        from fpd_tf.models.cost import model_cost
        from fpd_tf.models.keras_file import save_network
    network = import_movenet(model, JOINT_SETS[joints])
    save_network(network, out)
    size, parameters = network.input_shape[1], model_cost(network).parameters
    print(
        f"{out}: {size} px, {network.output_shape[-1]} joints of {joints.value}, "
        f"{parameters:,} parameters"
    )
