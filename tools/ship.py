"""From a trained run to the files, contracts and card of `tflite/models/`.

python -m tools.ship runs/pose-small pose-small lspet coco

`coco` is the root of COCO's val2017, or of a part of it: everyday people.
"""

import json
import platform
import shlex
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import evaluate
from fpd_tf.export.benchmark import benchmark
from fpd_tf.export.gate import export_gated
from fpd_tf.files import written_whole
from fpd_tf.models.keras_file import load_network, save_network
from studies.study import lspet, scored

USES = {
    "keras": "training on, Keras",
    "float16.tflite": "GPUs of phones",
    "int8.tflite": "processors of phones, browsers",
}


AIMS = {  # of int8: athletes, everyday people, ms on one thread
    "pose-small": (70, 67.9, 3.5),  # 67.9 is MoveNet Lightning's
    "pose-lite": (66, 58, 2.0),
}
START = "It starts from the weights of MoveNet Lightning (Google, Apache-2.0)."
IMPORT = (
    "fpd import movenet-lightning.float16.tflite --joints lsp"
    " --out runs/lightning.keras"
)


def main(
    run: Path,
    name: str,
    root: Path,
    coco: Path,
    folder: Path = Path("tflite/models"),
    start: Annotated[
        str, typer.Option(help="Sentence of the card: the first weights.")
    ] = START,
    before: Annotated[
        list[str] | None, typer.Option(help="Command that made them, in order.")
    ] = None,
    limit: Annotated[
        str, typer.Option(help="Sentence of the card: why not more.")
    ] = "",
):
    """Exports, scores, times, and writes the card; a gate that fails stops it."""
    if name not in AIMS:
        raise InputError("NAME", "", f"one of {', '.join(AIMS)}", name)
    train, held_out = lspet(root)
    everyday = replace(fpd.load_coco(coco, "val"), metric="pck")
    runs = list(_runs(run))
    config = runs[-1]
    folder.mkdir(parents=True, exist_ok=True)
    files = {kind: folder / f"{name}.{kind}" for kind in USES}
    network = load_network(run / "student.keras")
    _save_rounded(network, files["keras"])
    data = f"{config['samples']:,} photographs"
    gate = {"held_out": held_out, "training_data": _trained_on(config)}
    for kind in ("float16", "int8"):
        file = files[f"{kind}.tflite"]
        export_gated(network, file, quantization=kind, samples=train, **gate)
    rows = [_row(kind, file, held_out, everyday) for kind, file in files.items()]
    _add_times(rows, network, files)
    joints = _by_joint(files, held_out)
    of_everyday = evaluate(files["int8.tflite"], everyday).scores
    worst = min(joints, key=lambda joint: joints[joint]["int8"])
    facts = {
        "name": name,
        "network": network.name.replace("_", " "),
        "size": network.input_shape[1],
        "cost": fpd.model_cost(network),
        "files": rows,
        "people": evaluate(files["int8.tflite"], held_out).scores.people,
        "everyday": of_everyday,
        "machine": f"two {platform.machine()} cores",
        "joints": joints,
        "worst": {"joint": worst, "value": joints[worst]["int8"]},
        "training_data": data,
        "unlabelled": config["unlabelled"],
        "teacher": config["teacher"],
        "repaired": config.get("repaired"),
        "start": start,
        "aims": _aims(name, rows[-1]),
        "limit": limit,
        "commands": [*(before or [IMPORT]), *map(_command, runs)],
    }
    here = FileSystemLoader(Path(__file__).parent)
    template = Environment(loader=here, undefined=StrictUndefined, trim_blocks=True)
    card = template.get_template("card.md.jinja").render(facts)
    with written_whole(folder / f"{name}.md") as aside:
        aside.write_text(card)


def _runs(run):
    """config.json of the runs that led here, the first one first."""
    config = json.loads((run / "config.json").read_text())
    before = Path(config["config"]["start_from"] or "").parent
    if (before / "config.json").is_file():
        yield from _runs(before)
    yield config


def _trained_on(config):
    """For pose.json."""
    labelled = f"LSP-extended, {config['samples']:,} photographs"
    if not config["unlabelled"]:
        return labelled
    return f"{labelled}, and {config['unlabelled']['samples']:,} people without labels"


def _command(run):
    """The run's command without the folders of the machine it was given on."""
    given = run["command"][1:]
    names = [Path(word).name if Path(word).is_absolute() else word for word in given]
    return shlex.join(["fpd", *names])


def _save_rounded(network, file):
    """Weights as float16 holds them, in a compressed archive: half the bytes."""
    network.set_weights(
        [
            weight.astype(np.float16).astype(np.float32)
            for weight in network.get_weights()
        ]
    )
    with tempfile.TemporaryDirectory() as aside:
        saved = Path(aside) / "network.keras"
        save_network(network, saved)
        with zipfile.ZipFile(saved) as stored, written_whole(file) as packed:
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for member in stored.namelist():
                    archive.writestr(member, stored.read(member))


def _row(kind, file, held_out, everyday):
    size = file.stat().st_size / 1e6
    about = {"name": file.name, "use": USES[kind], "megabytes": size}
    about["everyday"] = evaluate(file, everyday).scores.mean
    return about | {"one": None, "two": None} | scored(file, held_out)


def _add_times(rows, network, files):
    """Float32 for comparison, float16 and int8 in turn, on one and two threads."""
    with tempfile.TemporaryDirectory() as aside:
        plain = fpd.export_tflite(network, Path(aside) / "float32.tflite")
        timed = benchmark([plain, *list(files.values())[1:]])
    for row, result in zip(rows[1:], timed[1:], strict=True):
        for key, threads in (("one", 1), ("two", 2)):
            row[key] = f"{result.timings[threads].median:.1f}"


def _aims(name, row):
    """What the int8 file was meant to reach, beside what it does."""
    athletes, everyday, milliseconds = AIMS[name]
    return (
        ("athletes, limbs", athletes, f"{row['limbs']:.1f}"),
        ("everyday people, limbs", everyday, f"{row['everyday']:.1f}"),
        ("ms, 1 thread, at most", milliseconds, row["one"]),
    )


def _by_joint(files, held_out):
    """{joint: {"float": %, "int8": %}}."""
    keras.utils.set_random_seed(0)
    both = {
        name: evaluate(files[kind], held_out).scores.joints
        for name, kind in (("float", "keras"), ("int8", "int8.tflite"))
    }
    return {
        joint: {name: scores[joint] for name, scores in both.items()}
        for joint in both["float"]
    }


if __name__ == "__main__":
    typer.run(main)
