"""The verbs `demo`, `doctor` and `models`."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import JsonOption, quiet_tensorflow, write_json
from fpd_tf.cli.tables import print_findings, print_presets
from fpd_tf.errors import GateError

app = typer.Typer()


@app.command(epilog="Example: fpd demo --out runs/demo")
def demo(
    out: Annotated[Path, typer.Option("--out", help="New folder.")] = Path("runs/demo"),
):
    """Train, distil, export and score on synthetic data, in minutes."""
    with quiet_tensorflow():
        from fpd_tf.demo.job import run_demo
    print(run_demo(out))


@app.command(epilog="Example: fpd doctor --json doctor.json")
def doctor(json_file: JsonOption = None):
    """Check the install: versions, devices, tools; train and export a tiny network."""
    from fpd_tf.doctor import examine

    with suppress(Exception), quiet_tensorflow():
        pass  # `examine` reports what is wrong with it
    findings = examine()
    print_findings(findings)
    write_json(json_file, [asdict(each) for each in findings])
    missing = [each.name for each in findings if each.needed and not each.good]
    if missing:
        raise GateError(f"needed, and missing or broken: {', '.join(missing)}")


@app.command(epilog="Example: fpd models")
def models(json_file: JsonOption = None):
    """List the presets with their parameters and operations at 256 px."""
    with quiet_tensorflow():
        from fpd_tf.models.presets import PRESETS
    print_presets(PRESETS)
    fields = ("parameters", "giga_operations", "description")
    rows = {
        name: {field: getattr(preset, field) for field in fields}
        for name, preset in PRESETS.items()
    }
    write_json(json_file, rows)
