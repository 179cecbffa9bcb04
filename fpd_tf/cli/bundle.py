"""The verb `bundle`: folders for app developers, checked or shown."""

from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import quiet_tensorflow
from fpd_tf.errors import InputError

app = typer.Typer()


@app.command(epilog="Example: fpd bundle --model student.tflite --out bundle")
def bundle(
    model: Annotated[Path | None, typer.Option(help="A .tflite file.")] = None,
    out: Annotated[Path | None, typer.Option(help="New folder to write.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Read this bundle again and hold it to account.")
    ] = None,
    serve: Annotated[
        Path | None, typer.Option(help="Show this bundle's web page on 127.0.0.1.")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the web page.")] = 8000,
):
    """Write the Android, iOS and web folders for a student, or check or show them."""
    if bool(model and out) + bool(check) + bool(serve) != 1 or bool(model) != bool(out):
        wanted = "--model FILE --out DIR, or --check DIR, or --serve DIR"
        raise InputError("bundle", "", wanted, "another choice")
    if serve:
        from fpd_tf.bundle.serve import page_server

        with page_server(serve, port) as server:
            print(f"http://127.0.0.1:{server.server_port} (Ctrl+C ends it)", flush=True)
            server.serve_forever()
    with quiet_tensorflow():
        from fpd_tf.bundle.folders import bundle as write
        from fpd_tf.bundle.folders import check_bundle
    folder = check or write(model, out)
    contract = check_bundle(folder)
    size, joints = contract.image.size, len(contract.joints)
    weights = contract.model.weights
    print(f"{folder}: whole; {weights} model, {size} px, {joints} joints")
