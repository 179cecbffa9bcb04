"""The verb `predict`: photographs or a video to joints."""

from pathlib import Path
from typing import Annotated

import typer

from fpd_tf.cli.options import (
    STUDENT,
    JsonOption,
    OnError,
    OnErrorOption,
    quiet_tensorflow,
    write_json,
)
from fpd_tf.errors import InputError
from fpd_tf.shipped import POSE_MODEL, model_file, shipped

app = typer.Typer()


@app.command(epilog="Example: fpd predict photo.jpg --out drawn")
def predict(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Photographs or folders.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help=f"A .keras or .tflite file, {STUDENT}; by default pose-small, int8."
        ),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Track one person in this video instead.")
    ] = None,
    box: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            help="x y width height around the person (in the first frame of a video); "
            "without it, the person is searched for."
        ),
    ] = None,
    people: Annotated[
        int,
        typer.Option(
            min=1, help="Search for up to so many people in a photograph (slower)."
        ),
    ] = 1,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help='JSON of boxes: {"photo.jpg": [[x, y, width, height], ...]}.'
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Joints with a lower score are not drawn; by default the model's."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for drawn PNGs; for a video, a .csv, .json, .mp4, .webm "
            "or .avi file."
        ),
    ] = None,
    json_file: JsonOption = None,
    on_error: OnErrorOption = OnError.stop,
):
    """Find and draw the joints of people in photographs, or of a person in a video."""
    from fpd_tf.inference.photographs import predict_files
    from fpd_tf.inference.video import predict_video

    if bool(images) == bool(video):
        sentence = "give either photographs or --video FILE"
        raise InputError.plain("predict", "", sentence)
    if (box is not None) + (boxes is not None) + (people > 1) > 1:
        sentence = "give one of --box, --boxes and --people"
        raise InputError.plain("predict", "", sentence)
    if video and (boxes or people > 1):
        sentence = (
            "in a video, one person is tracked: use --box, not --boxes or --people"
        )
        raise InputError.plain("predict", "", sentence)
    network = _opened(model_file(model) if model else shipped(POSE_MODEL))
    if video:
        results = predict_video(video, network, box, out=out, threshold=threshold)
        write_json(json_file, results)
        print(f"{video}: {len(results)} frames")
        return
    results = predict_files(
        images,
        network,
        box,
        people=people,
        boxes=boxes,
        out=out,
        threshold=threshold,
        on_error=on_error,
    )
    write_json(json_file, results)
    for result in results:
        print(f"{result['path']}: {_found(result)}")


def _opened(model):
    """The network; TensorFlow is loaded for a .keras alone, and quietly."""
    from fpd_tf.predictors.load import load_predictor

    if model.suffix != ".tflite":
        with quiet_tensorflow():
            pass
    return load_predictor(model)


def _found(result):
    if (joints := result["joints"]) is None:
        return "nobody"
    people = result.get("people", [joints])
    shown = [
        str(sum(score >= result["threshold"] for _, _, score in person))
        for person in people
    ]
    who = f"{len(people)} people, " if len(people) > 1 else ""
    return f"{who}{', '.join(shown)} of {len(joints)} joints"
