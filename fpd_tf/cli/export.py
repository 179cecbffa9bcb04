"""The verb `export`: a network to .tflite; three of its options became verbs."""

from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpd_tf.cli.options import (
    STUDENT,
    JsonOption,
    Source,
    SplitOption,
    quiet_tensorflow,
    say_moved,
    with_people,
    write_json,
)
from fpd_tf.cli.tables import (
    print_audit,
    print_comparison,
    print_ranges,
    print_variants,
)
from fpd_tf.errors import InputError
from fpd_tf.shipped import model_file

if TYPE_CHECKING:
    from fpd_tf.data.people import People

app = typer.Typer()


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


FewPeopleOption = Annotated[
    bool,
    typer.Option(
        "--few-people",
        help="Allow calibration on fewer than 200 people; check the scores then "
        "(fpd export --max-drop).",
    ),
]
CALIBRATED = (Quantization.int8, Quantization.int16x8)
CALIBRATION_CROPS = 256


@app.command(
    epilog="Example: fpd export --model student.keras --out student.int8.tflite "
    "--quantization int8 --data lsp --root lspet --max-drop 0.5"
)
@with_people
def export(
    people: Source,
    model: Annotated[
        Path | None, typer.Option(help=f"A trained .keras file, {STUDENT}.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The .tflite file to write.")
    ] = None,
    quantization: Annotated[
        Quantization, typer.Option(help="Quantization scheme.")
    ] = Quantization.none,
    io: Annotated[
        Io,
        typer.Option(help="Type of input and output; integers with int8 or qat only."),
    ] = Io.float32,
    split: SplitOption = "train",
    sparsity: Annotated[
        float,
        typer.Option(
            help="Prune this share of each convolution's weights, from 0 to below 1."
        ),
    ] = 0.0,
    teacher: Annotated[
        Path | None,
        typer.Option(help="Teacher for qat and --sparsity, a trained .keras file."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="field=value of the training of qat and --sparsity: epochs, "
            "learning_rate, schedule, distillation_weight or data.FIELD; the last two "
            "default to the config.json beside the model.",
        ),
    ] = None,
    few_people: FewPeopleOption = False,
    decode: Annotated[
        bool,
        typer.Option(
            "--decode", help="Also write FILE.joints.tflite, which outputs joints."
        ),
    ] = False,
    max_drop: Annotated[
        float | None,
        typer.Option(help="Write no file if the score drops by more points than this."),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Deprecated: use `fpd audit FILE`.")
    ] = None,
    ranges: Annotated[
        Path | None,
        typer.Option(help="Deprecated: use `fpd ranges`."),
    ] = None,
    variants: Annotated[
        Path | None,
        typer.Option(help="Deprecated: use `fpd variants`."),
    ] = None,
    json_file: JsonOption = None,
):
    """Export a network as .tflite with its pose.json.

    --split selects the people for calibration (int8, int16x8, qat) and for further
    training (qat, --sparsity).
    """
    chosen = [each for each in (out, check, ranges, variants) if each]
    if len(chosen) != 1 or bool(model) == bool(check):
        raise InputError.plain("export", "", "give --model FILE and --out FILE")
    say_moved("export --check", check, "audit FILE")
    say_moved("export --ranges", ranges, "ranges --model FILE --out PICTURE")
    say_moved("export --variants", variants, "variants --model FILE --out FOLDER")
    trained = out and (quantization is Quantization.qat or sparsity)
    gated = max_drop is not None
    _check_given("--max-drop", gated, out, "--out FILE")
    integer = quantization in (Quantization.int8, Quantization.qat)
    wanted = "--out FILE and --quantization int8 or qat"
    _check_given(f"--io {io}", io is not Io.float32, out and integer, wanted)
    if gated and not isfinite(max_drop):
        sentence = "give the points that the score may drop by, such as 0.5"
        raise InputError.plain("--max-drop", "", sentence)
    floats = out and io is Io.float32
    _check_given("--decode", decode, floats, "--out FILE and --io float32")
    of_training = {"--sparsity": sparsity, "--teacher": teacher, "--set": settings}
    for option, given in of_training.items():
        _check_given(option, given, trained, "--out FILE and qat or --sparsity")
    if check:
        return audit_file(check, json_file)
    if ranges:
        return draw_ranges(model, ranges, people.load(split), json_file, few_people)
    if variants:
        both = people.load(split), people.held_out_for("fpd variants")
        return write_variants(model, variants, *both, json_file, few_people)
    _check_place(out)
    measured = trained or quantization in CALIBRATED
    options = {"quantization": quantization, "io": io}
    options["samples"] = people.load(split) if measured else None
    if measured:
        options |= _calibration(options["samples"], few_people)
    options["held_out"] = people.held_out_for("--max-drop") if gated else None
    if trained:
        how = {"sparsity": sparsity, "teacher": teacher}
        options["fine_tuning"] = _fine_tuning(model, out, settings, **how)
    _write(model, out, options, max_drop, json_file)
    _print_sizes(out, decode)


def _check_given(option, given, fits, wanted):
    if given and not fits:
        raise InputError.plain(option, "", f"goes with {wanted} only")


def _check_place(out):
    with quiet_tensorflow():
        from fpd_tf.export.convert import check_place
    check_place(out)


def audit_file(file: Path, json_file: Path | None) -> None:
    """Prints what a .tflite contains; raises if an app could not load it."""
    with quiet_tensorflow():
        from fpd_tf.export.audit import audit_tflite, check_loadable
        from fpd_tf.export.benchmark import peak_memory
    file = model_file(file)
    audit = audit_tflite(file)
    print_audit(file.name, audit, peak_memory(file))
    write_json(json_file, {"audit": audit.as_dict()})
    check_loadable(audit, file.name)


def _calibration(samples, few_people):
    count = min(CALIBRATION_CROPS, len(samples)) if few_people else CALIBRATION_CROPS
    return {"calibration_count": count}


def draw_ranges(
    model: Path,
    picture: Path,
    samples: "People",
    json_file: Path | None,
    few_people: bool = False,
) -> None:
    """Plots the range of each tensor of a network, and prints the widest."""
    with quiet_tensorflow():
        from fpd_tf.evaluation.plots import plot_ranges
        from fpd_tf.export.convert import calibration_ranges
    how = _calibration(samples, few_people)
    found, people = calibration_ranges(model, samples, **how)
    paths = [person.image_path for person in people]
    plot_ranges(found.curves(), picture)
    print_ranges(found, paths)
    write_json(json_file, found.as_dict(paths))


def write_variants(
    model: Path,
    folder: Path,
    samples: "People",
    held_out: "People | None",
    json_file: Path | None,
    few_people: bool = False,
) -> None:
    """Writes every variant of a network and prints their comparison."""
    with quiet_tensorflow():
        from fpd_tf.export.variants import export_variants
    facts = {"training_data": _training_data(model)}
    facts |= _calibration(samples, few_people)
    found = export_variants(model, folder, samples, held_out, **facts)
    print_variants(found)
    write_json(json_file, {name: each.as_dict() for name, each in found.items()})


def _write(model, out, options, max_drop, json_file):
    with quiet_tensorflow():
        from fpd_tf.export.audit import deflated_size
        from fpd_tf.export.benchmark import peak_memory
        from fpd_tf.export.gate import drafted
    options["training_data"] = _training_data(model)
    with drafted(model, out, **options) as draft:
        print_audit(out.name, draft.audit, peak_memory(draft.file))
        report = {"audit": draft.audit.as_dict()}
        report["deflated"] = deflated_size(draft.file)
        if draft.comparison:
            print_comparison(out.name, draft.comparison)
            report["comparison"] = draft.comparison.as_dict()
        write_json(json_file, report)
        draft.check(max_drop)
        draft.put_in_place()


def _print_sizes(out, decode):
    from fpd_tf.export.audit import deflated_size
    from fpd_tf.export.decode import write_with_decode

    for file in [out, write_with_decode(out)] if decode else [out]:
        size, deflated = file.stat().st_size / 1e6, deflated_size(file) / 1e6
        print(f"{file}: {size:.2f} MB, deflated {deflated:.2f} MB")


def _fine_tuning(model, out, settings, **how):
    with quiet_tensorflow():
        from fpd_tf.export.fine_tune import FineTuning, fine_tuning_config
    config = fine_tuning_config(_config_beside(model), settings or ())
    return FineTuning(config, cache=out.parent / "teacher-cache", **how)


def _training_data(model):
    from fpd_tf.training.run_folder import training_data

    return training_data(_config_beside(model))


def _config_beside(model):
    return model_file(model, "keras").with_name("config.json")
