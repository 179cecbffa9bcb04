"""The verbs `bundle` and `serve`: folders for app developers, written and shown."""

from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import STUDENT, quiet_tensorflow, say_moved, write_json
from fpd_tf.errors import InputError

app = typer.Typer()

PortOption = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the web page; 0 picks a free one."),
]


@app.command(epilog="Example: fpd bundle --model student.tflite --out bundle")
def bundle(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help=f"A .tflite file, {STUDENT} (pose-lite.float16 for GPUs); if given "
            "more than once, the web page offers each, and Android and iOS use the "
            "first."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder to write.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Deprecated: use `fpd audit FOLDER`.")
    ] = None,
    serve: Annotated[
        Path | None, typer.Option(help="Deprecated: use `fpd serve FOLDER`.")
    ] = None,
    port: PortOption = 8000,
):
    """Write Android, iOS and web folders with a .tflite."""
    if bool(model and out) + bool(check) + bool(serve) != 1 or bool(model) != bool(out):
        raise InputError.plain("bundle", "", "give --model FILE and --out FOLDER")
    say_moved("bundle --check", check, "audit FOLDER")
    say_moved("bundle --serve", serve, "serve FOLDER")
    if serve:
        return serve_page(serve, port)
    if check:
        return check_folder(check)
    with quiet_tensorflow():
        from fpd_tf.bundle.folders import bundle as write
    check_folder(write(model[0], out, also=model[1:]))


@app.command(epilog="Example: fpd serve bundle")
def serve(
    folder: Annotated[Path, typer.Argument(help="The folder of a bundle.")],
    port: PortOption = 8000,
):
    """Show a bundle's web page on 127.0.0.1 only."""
    serve_page(folder, port)


def check_folder(folder: Path, json_file: Path | None = None) -> None:
    """Verifies a bundle and prints what it contains."""
    with quiet_tensorflow():
        from fpd_tf.bundle.folders import check_bundle
    contract = check_bundle(folder)
    size, joints = contract.image.size, len(contract.joints)
    weights = contract.model.weights
    print(f"{folder}: valid; {weights} model, {size} px, {joints} joints")
    found = {"weights": weights, "size": size, "joints": joints}
    write_json(json_file, {"bundle": found})


def serve_page(folder: Path, port: int) -> None:
    """Serves until Ctrl+C."""
    from fpd_tf.bundle.serve import page_server

    with page_server(folder, port) as server:
        print(f"http://127.0.0.1:{server.server_port} (Ctrl+C to stop)", flush=True)
        server.serve_forever()
