"""The command `fpd VERB`: parses, calls one function, prints one table."""

import json
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from fpd_tf.errors import GateError, InputError
from fpd_tf.files import written_whole
from fpd_tf.quiet import silent
from fpd_tf.tables import (
    print_audit,
    print_benchmark,
    print_comparison,
    print_evaluation,
    print_findings,
    print_last_epoch,
    print_presets,
    print_ranges,
    print_variants,
)

app = typer.Typer(
    name="fpd",
    help="Fast Pose Distillation: from annotated photographs to a phone.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Data(StrEnum):
    mpii = "mpii"
    lsp = "lsp"
    synthetic = "synthetic"
    packed = "packed"


class OnError(StrEnum):
    stop = "raise"
    skip = "skip"


DataOption = Annotated[Data, typer.Option("--data", help="Layout of the annotations.")]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root", help="Folder of the data; for synthetic, drawn there when missing."
    ),
]
OnErrorOption = Annotated[
    OnError, typer.Option("--on-error", help="What to do with a bad person or image.")
]
OutOption = Annotated[Path, typer.Option("--out", help="New folder to write.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result to this file as JSON.")
]
PresetOption = Annotated[
    str | None, typer.Option("--preset", help="Network to train (see fpd models).")
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", help="Settings to start from: a name in RECIPES.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="field=value of the recipe, such as data.sigma=1.5."),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in --out.")
]
SplitOption = Annotated[
    str,
    typer.Option("--split", help="train, val, test, trainval, all or FIRST-LAST."),
]
ValidationOption = Annotated[
    str, typer.Option("--validation", help="Split scored after each epoch, or none.")
]
DevicesOption = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        help="GPUs (virtual CPU devices where there is none) that share each batch; "
        "under TF_CONFIG, of each machine.",
    ),
]


@app.callback()
def options(
    context: typer.Context,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing but what went wrong.")
    ] = False,
):
    if quiet:
        context.with_resource(silent(1, 2))


@app.command(epilog="Example: fpd demo --out runs/demo")
def demo(
    out: Annotated[Path, typer.Option("--out", help="New folder.")] = Path("runs/demo"),
):
    """Draw people, train, distil, export and score: the main job in minutes."""
    with _quiet_tensorflow():
        from fpd_tf.demo import run_demo
    print(run_demo(out))


@app.command(epilog="Example: fpd synthesize --out people --count 1000")
def synthesize(
    out: OutOption,
    layout: Annotated[str, typer.Option(help="mpii, lsp or lspet.")] = "mpii",
    count: Annotated[int, typer.Option(help="Number of people.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
):
    """Draw people and write them in the MPII or LSP layout."""
    from fpd_tf.data.synthetic import synthesize as draw

    print(draw(out, layout, count=count, seed=seed))


@app.command(epilog="Example: fpd pack --data lsp --root lspet --out packed")
def pack(
    out: Annotated[Path, typer.Option("--out", help="Folder of packed splits.")],
    data: DataOption = Data.mpii,
    root: RootOption = None,
    split: SplitOption = "train",
    on_error: OnErrorOption = OnError.stop,
):
    """Cut people out of their photographs, for --data packed: larger, read faster."""
    with _quiet_tensorflow():
        from fpd_tf.data.packed import pack as write
    samples = _load(data, root, split, on_error)
    folder = write(samples, out / split)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{folder}: {len(samples)} people, {size:.1f} MB")


@app.command(
    epilog="Example: fpd train --data lsp --root lspet --recipe light --out runs/big"
)
def train(
    out: OutOption,
    data: DataOption = Data.mpii,
    root: RootOption = None,
    split: SplitOption = "train",
    validation: ValidationOption = "val",
    recipe: RecipeOption = "paper_mpii",
    preset: PresetOption = None,
    settings: SetOption = None,
    resume: ResumeOption = False,
    devices: DevicesOption = 1,
    on_error: OnErrorOption = OnError.stop,
):
    """Train a network on ground truth alone."""
    with _quiet_tensorflow():
        from fpd_tf.training.run import train as run
    config = _config(recipe, preset, settings)
    samples, held_out = _training_data(data, root, split, validation, on_error)
    how = {"score": _scorer(held_out), "resume": resume, "devices": devices}
    run(samples, out, config, **how)
    _finish_run(out, held_out)


@app.command(
    epilog="Example: fpd distill --teacher runs/teacher/student.keras --data lsp "
    "--root lspet --recipe light --out runs/student"
)
def distill(
    out: OutOption,
    teacher: Annotated[Path, typer.Option(help="The trained teacher's .keras file.")],
    data: DataOption = Data.mpii,
    root: RootOption = None,
    split: SplitOption = "train",
    validation: ValidationOption = "val",
    recipe: RecipeOption = "paper_mpii",
    preset: PresetOption = None,
    settings: SetOption = None,
    resume: ResumeOption = False,
    devices: DevicesOption = 1,
    on_error: OnErrorOption = OnError.stop,
):
    """Train a student on ground truth and a teacher's heatmaps."""
    with _quiet_tensorflow():
        from fpd_tf.training.run import distill as run
    config = _config(recipe, preset, settings)
    samples, held_out = _training_data(data, root, split, validation, on_error)
    how = {"score": _scorer(held_out), "resume": resume, "devices": devices}
    run(samples, out, teacher, config, **how)
    _finish_run(out, held_out)


@app.command(
    epilog="Example: fpd evaluate --model student.tflite --data lsp --root lspet"
)
def evaluate(
    model: Annotated[Path, typer.Option(help="A .keras or .tflite file.")],
    data: DataOption = Data.mpii,
    root: RootOption = None,
    split: SplitOption = "val",
    flip_test: Annotated[
        bool, typer.Option("--flip-test", help="Average with the mirrored crop.")
    ] = False,
    multi_scale: Annotated[
        bool, typer.Option("--multi-scale", help="The paper's six scales.")
    ] = False,
    json_file: JsonOption = None,
    on_error: OnErrorOption = OnError.stop,
):
    """Score a model on annotated photographs."""
    with _quiet_tensorflow():
        from fpd_tf.evaluation.evaluate import PAPER_SCALES
        from fpd_tf.evaluation.evaluate import evaluate as run
    evaluation = run(
        model,
        _load(data, root, split, on_error),
        flip_test=flip_test,
        scales=PAPER_SCALES if multi_scale else (1.0,),
    )
    print_evaluation(model.name, evaluation)
    _write_json(json_file, {"model": str(model), **evaluation.as_dict()})


@app.command(epilog="Example: fpd predict photo.jpg --out drawn")
def predict(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Photographs or folders.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="A .keras or .tflite file; the shipped pose-small, int8."),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Follow a person through this film instead.")
    ] = None,
    box: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            help="x y width height around the person (in a film's first frame); "
            "the whole picture, then closer."
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Joints that score less are not drawn.")
    ] = 0.2,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for drawn PNGs; for a film, a .csv, .json, .mp4 or .avi file."
        ),
    ] = None,
    json_file: JsonOption = None,
    on_error: OnErrorOption = OnError.stop,
):
    """Find and draw the joints of the person in photographs or a video."""
    with _quiet_tensorflow():
        from fpd_tf.inference.batch import predict_files
        from fpd_tf.inference.video import predict_video
        from fpd_tf.shipped import POSE_MODEL, shipped
    if bool(images) == bool(video):
        received = "both" if video else "neither"
        raise InputError("predict", "", "photographs or --video", received)
    model = model or shipped(POSE_MODEL)
    if video:
        results = predict_video(video, model, box, out=out, threshold=threshold)
        _write_json(json_file, results)
        print(f"{video}: {len(results)} frames")
        return
    results = predict_files(
        images, model, box, out=out, threshold=threshold, on_error=on_error
    )
    _write_json(json_file, results)
    for result in results:
        shown = sum(score >= threshold for _, _, score in result["joints"])
        print(f"{result['path']}: {shown} of {len(result['joints'])} joints")


class Quantization(StrEnum):
    none = "none"
    float16 = "float16"
    dynamic = "dynamic"
    int8 = "int8"
    int16x8 = "int16x8"
    qat = "qat"


class Io(StrEnum):
    float32 = "float32"
    uint8 = "uint8"
    int8 = "int8"


@app.command(
    epilog="Example: fpd export --model student.keras --out student.int8.tflite "
    "--quantization int8 --data lsp --root lspet --max-drop 0.5"
)
def export(
    model: Annotated[Path | None, typer.Option(help="A trained .keras file.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The .tflite file to write.")
    ] = None,
    quantization: Annotated[
        Quantization, typer.Option(help="What becomes of weights and activations.")
    ] = Quantization.none,
    io: Annotated[
        Io, typer.Option(help="Of image and heatmaps; integers with int8 or qat only.")
    ] = Io.float32,
    data: DataOption = Data.mpii,
    root: RootOption = None,
    split: SplitOption = "train",
    sparsity: Annotated[
        float,
        typer.Option(help="Part of each convolution's weights to train to zero."),
    ] = 0.0,
    teacher: Annotated[
        Path | None,
        typer.Option(help="Trained .keras file to learn from with qat or --sparsity."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="field=value of that training: epochs, learning_rate, schedule, "
            "distillation_weight or data.FIELD; the last two start as in the "
            "config.json beside the model.",
        ),
    ] = None,
    decode: Annotated[
        bool,
        typer.Option("--decode", help="Write FILE.joints.tflite too, decode inside."),
    ] = False,
    max_drop: Annotated[
        float | None,
        typer.Option(help="Points of score that may be lost, or no file is written."),
    ] = None,
    validation: Annotated[
        str, typer.Option(help="Split that --max-drop and --variants score.")
    ] = "val",
    check: Annotated[
        Path | None, typer.Option(help="Audit this .tflite instead.")
    ] = None,
    ranges: Annotated[
        Path | None,
        typer.Option(help="Draw here how large each tensor gets instead, a .png."),
    ] = None,
    variants: Annotated[
        Path | None,
        typer.Option(help="Write every variant, compared, to this new folder instead."),
    ] = None,
    json_file: JsonOption = None,
    on_error: OnErrorOption = OnError.stop,
):
    """Write a network as .tflite with its pose.json; int8 calibrates on samples.

    qat and --sparsity train on before they write, on the same samples.
    """
    chosen = [each for each in (out, check, ranges, variants) if each]
    if len(chosen) != 1 or bool(model) == bool(check):
        wanted = "--model FILE with --out, --ranges or --variants, or --check FILE"
        raise InputError("export", "", wanted, "another choice")
    gated = max_drop is not None
    if gated and not out:
        raise InputError("--max-drop", "", "--out FILE with it", "another choice")
    if decode and not (out and io is Io.float32):
        wanted = "--out FILE and --io float32 with it"
        raise InputError("--decode", "", wanted, "another choice")
    trained = quantization is Quantization.qat or sparsity
    lessons = {"--sparsity": sparsity, "--teacher": teacher, "--set": settings}
    for option, given in lessons.items():
        if given and not (out and trained):
            wanted = "--out FILE and qat or --sparsity with it"
            raise InputError(option, "", wanted, "another choice")
    with _quiet_tensorflow():
        from fpd_tf.deploy.audit import audit_tflite, deflated_size
        from fpd_tf.deploy.benchmark import peak_memory
        from fpd_tf.deploy.convert import calibration_ranges
        from fpd_tf.deploy.decode import write_with_decode
        from fpd_tf.deploy.gate import check_loadable, export_gated
        from fpd_tf.deploy.quantization_aware import fine_tuning
        from fpd_tf.deploy.variants import export_variants
        from fpd_tf.evaluation.plots import plot_ranges
        from fpd_tf.training.checkpoint import training_data
    if check:
        audit = audit_tflite(check)
        print_audit(check.name, audit, peak_memory(check))
        _write_json(json_file, {"audit": audit.as_dict()})
        check_loadable(audit, check.name)
        return
    calibrated = quantization in (Quantization.int8, Quantization.int16x8)
    measured = calibrated or trained or ranges or variants
    samples = _load(data, root, split, on_error) if measured else None
    compared = gated or variants
    held_out = _load(data, root, validation, on_error) if compared else None
    if ranges:
        found, people = calibration_ranges(model, samples)
        paths = [person.image_path for person in people]
        plot_ranges(found.curves(), ranges)
        print_ranges(found, paths)
        _write_json(json_file, found.as_dict(paths))
        return
    run = model.parent / "config.json"
    facts = {"training_data": training_data(run)}
    if variants:
        found = export_variants(model, variants, samples, held_out, **facts)
        print_variants(found)
        _write_json(json_file, {name: each.as_dict() for name, each in found.items()})
        return

    def show(file, audit, comparison):
        print_audit(out.name, audit, peak_memory(file))
        report = {"audit": audit.as_dict(), "deflated": deflated_size(file)}
        if comparison:
            print_comparison(out.name, comparison)
            report["comparison"] = comparison.as_dict()
        _write_json(json_file, report)

    training = {}
    if trained:
        config = fine_tuning(run, settings or ())
        training = {"sparsity": sparsity, "teacher": teacher, "config": config}
    export_gated(
        model,
        out,
        held_out=held_out,
        max_drop=max_drop or 0.0,
        show=show,
        quantization=quantization,
        io=io,
        samples=samples,
        **facts,
        **training,
    )
    written = [out, write_with_decode(out)] if decode else [out]
    for file in written:
        size, deflated = file.stat().st_size / 1e6, deflated_size(file) / 1e6
        print(f"{file}: {size:.2f} MB, deflated {deflated:.2f} MB")


@app.command(
    epilog="Example: fpd benchmark student.tflite student.int8.tflite --json times.json"
)
def benchmark(
    models: Annotated[list[Path], typer.Argument(help=".tflite files.")],
    rounds: Annotated[int, typer.Option(help="Turns of each file.")] = 5,
    runs: Annotated[int, typer.Option(help="Runs of a file in a turn.")] = 20,
    json_file: JsonOption = None,
):
    """Time .tflite files in turn; ratios are against the first."""
    with _quiet_tensorflow():
        from fpd_tf.deploy.benchmark import benchmark as run
    results = run(models, rounds=rounds, runs=runs)
    print_benchmark(results, rounds * runs)
    _write_json(json_file, [result.as_dict() for result in results])


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
        from fpd_tf.deploy.serve import page_server

        with page_server(serve, port) as server:
            print(f"http://127.0.0.1:{server.server_port} (Ctrl+C ends it)", flush=True)
            server.serve_forever()
    with _quiet_tensorflow():
        from fpd_tf.deploy.bundle import bundle as write
        from fpd_tf.deploy.bundle import check_bundle
    folder = check or write(model, out)
    contract = check_bundle(folder)
    size, joints = contract.image.size, len(contract.joints)
    weights = contract.model.weights
    print(f"{folder}: whole; {weights} model, {size} px, {joints} joints")


@app.command(epilog="Example: fpd models")
def models(json_file: JsonOption = None):
    """List the presets with their parameters and operations at 256 px."""
    with _quiet_tensorflow():
        from fpd_tf.models.presets import PRESETS
    print_presets(PRESETS)
    fields = ("parameters", "giga_operations", "description")
    rows = {
        name: {field: getattr(preset, field) for field in fields}
        for name, preset in PRESETS.items()
    }
    _write_json(json_file, rows)


@app.command(epilog="Example: fpd doctor --json doctor.json")
def doctor(json_file: JsonOption = None):
    """Check this install: versions, devices, tools, and a tiny network to .tflite."""
    from fpd_tf.doctor import examine

    with suppress(Exception), _quiet_tensorflow():
        pass  # what is wrong with it is found below
    findings = examine()
    print_findings(findings)
    _write_json(json_file, [asdict(each) for each in findings])
    missing = [each.name for each in findings if each.needed and not each.good]
    if missing:
        raise GateError(f"needed, and missing or broken: {', '.join(missing)}")


def main():
    """Runs a verb; 0 done, 1 a gate did not hold, 2 bad input in one line."""
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except TyperException as error:
        _refuse(error.format_message(), 2)
    except GateError as error:
        _refuse(error, 1)
    except (InputError, OSError) as error:
        _refuse(error, 2)
    except (typer.Abort, KeyboardInterrupt):
        _refuse("stopped", 130)


def _refuse(reason, status):
    print("fpd: " + " ".join(str(reason).split()), file=sys.stderr)
    sys.exit(status)


@contextmanager
def _quiet_tensorflow():
    """Keeps what TensorFlow prints while it loads and looks for devices off stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with silent(2):
        yield
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.get_logger().setLevel("ERROR")


def _config(recipe, preset, settings):
    from fpd_tf.training.recipes import configure

    chosen = [f"preset={preset}"] if preset else []
    return configure(recipe, chosen + (settings or []))


def _load(data, root, split, on_error):
    from fpd_tf.data.images import check_images
    from fpd_tf.data.lsp import load_lsp
    from fpd_tf.data.mpii import load_mpii
    from fpd_tf.data.packed import load_packed
    from fpd_tf.data.synthetic import synthesize as draw

    if data is Data.synthetic:
        root = root or Path("runs/synthetic")
        if not root.exists():
            draw(root, "mpii", count=600)
    if root is None:
        raise InputError("--root", "", f"the folder of the {data} data", "nothing")
    if data is Data.packed:
        return check_images(load_packed(root, split))
    load = load_lsp if data is Data.lsp else load_mpii
    samples = load(root, split, on_error=on_error)
    return check_images(samples, on_error)


def _training_data(data, root, split, validation, on_error):
    samples = _load(data, root, split, on_error)
    if validation == "none":
        return samples, None
    return samples, _load(data, root, validation, on_error)


def _scorer(held_out):
    from fpd_tf.evaluation.evaluate import scorer

    return scorer(held_out) if held_out else None


def _finish_run(folder, held_out):
    """Adds curves.png and scores.json to a run folder, and prints its last epoch."""
    from fpd_tf.evaluation.evaluate import evaluate
    from fpd_tf.evaluation.plots import plot_history
    from fpd_tf.training.checkpoint import read_history
    from fpd_tf.training.devices import this_machine

    if this_machine().index:
        return  # the first machine's folder, and its word
    history = read_history(folder)
    plot_history(history, folder / "curves.png")
    print_last_epoch(folder, history[-1])
    if held_out:
        evaluation = evaluate(folder / "student.keras", held_out)
        _write_json(folder / "scores.json", evaluation.as_dict())
        print_evaluation(folder.name, evaluation)


def _write_json(path, content):
    """Where a path was given."""
    if path is None:
        return
    with written_whole(path) as aside:
        aside.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
