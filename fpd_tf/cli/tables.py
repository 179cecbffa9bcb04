"""What the verbs print: one table each, from plain results."""

import sys

from rich.console import Console
from rich.table import Table

SHOWN = 12


def print_last_epoch(folder, row):
    """The last row of a run's history."""
    table = Table(*row, title=str(folder))
    table.add_row(*(_short(value) for value in row.values()))
    _show(table)


def print_presets(presets):
    """All presets."""
    columns = ("preset", "parameters", "G operations", "")
    table = Table(*columns, title="G operations = 2 x multiply-adds, 256 px, 16 joints")
    for name, preset in presets.items():
        parameters, giga = f"{preset.parameters:,}", f"{preset.giga_operations:.2f}"
        table.add_row(name, parameters, giga, preset.description)
    _show(table)


def print_findings(findings):
    """What `examine` found, a line for each."""
    table = Table("", "", "", "", title="fpd_tf on this machine")
    for each in findings:
        mark = "ok" if each.good else "MISSING" if each.needed else "-"
        table.add_row(each.kind, each.name, mark, each.found)
    _show(table)


def print_evaluation(name, scores):
    """Scores by group, as `Evaluation.as_dict` and scores.json have them, and bias."""
    groups = scores["groups"]
    columns = ("model", *groups, "mean", "AUC", "people")
    table = Table(*columns, title=f"{scores['metric']}, %")
    values = (*groups.values(), scores["mean"], scores["auc"])
    table.add_row(name, *map(_percent, values), str(scores["people"]))
    _show(table)
    if details := scores["details"]:
        print(", ".join(f"{name} {_percent(value)}" for name, value in details.items()))
    x, y = scores["signed_error"]
    if x is None:
        print("median signed error: no joint is near enough to its label")
        return
    print(f"median signed error, heatmap pixels: x {x:+.2f}, y {y:+.2f}")


def print_compared(comparison):
    """A `Comparison`, a row for each file."""
    columns = ("file", "joints", f"{comparison.metric}, %", "AUC", "ms", "MB")
    counted = f"{comparison.people} people, {len(comparison.joints)} joints in common"
    table = Table(*columns, title=counted)
    for each in comparison.files:
        auc = "" if each.auc is None else f"{each.auc:.1f}"
        values = f"{each.score:.1f}", auc, f"{each.milliseconds:.1f}"
        table.add_row(each.name, str(each.joints), *values, _megabytes(each.size))
    _show(table)
    print(", ".join(comparison.joints))


def print_facts(out, facts):
    """What `facts_of` found: labels of each joint, and suspicious people."""
    table = Table("joint", "labelled", "%", "occluded", title=f"{facts.people} people")
    for joint in facts.joints:
        share = f"{100 * joint.annotated / facts.people:.0f}"
        table.add_row(joint.name, str(joint.annotated), share, str(joint.hidden))
    _show(table)
    least, _, middle, _, most = facts.sides
    print(f"boxes: {least:.0f} to {most:.0f} px wide, median {middle:.0f}")
    print(
        f"left joints on the right of the image: {facts.left_usual} people; "
        f"on the left: {facts.left_unusual}"
    )
    for number, reasons in list(facts.odd.items())[:SHOWN]:
        print(f"person {number}: {'; '.join(reasons)}")
    print(f"{out}: {len(facts.odd)} of {facts.people} people have suspicious labels")


def print_disputed(out, facts):
    """What `label_facts` found: kinds of disagreement, and the largest ones."""
    title = f"{facts.people} people, {facts.judged} of them compared"
    table = Table("labels against the teacher", "people", title=title)
    for kind, count in facts.kinds.items():
        table.add_row(kind, str(count))
    _show(table)
    for number, reasons in list(facts.disputed.items())[:SHOWN]:
        print(f"person {number}: {'; '.join(reasons)}")
    print(f"{out}: labels of {len(facts.disputed)} people disagree with the teacher")


def print_audit(name, audit, memory):
    """What an `Audit` found, one sentence for each binding."""
    table = Table("operator", "version", "count", title=name)
    for (operator, version), count in audit.operators.items():
        table.add_row(operator, str(version), str(count))
    _show(table)
    for what, tensors in (("input", audit.inputs), ("output", audit.outputs)):
        for tensor in tensors:
            print(f"{what}: {tensor.name} {tensor.dtype} {list(tensor.shape)}")
    print(f"file {_megabytes(audit.size)} MB, memory {_megabytes(memory)} MB")
    print(f"tensors have up to {audit.max_rank} dimensions")
    print(f"partitions run by XNNPACK: {audit.partitions}")
    for binding in audit.loaded_by:
        print(f"{binding} loads it")
    for problem in audit.problems:
        print(problem)


def print_comparison(name, comparison):
    """Scores of a network and of its .tflite, by joint."""
    before, after = comparison.network, comparison.tflite
    columns = ("", "network", name, "difference")
    table = Table(*columns, title=f"{before.metric}, %, {before.scores.people} people")
    rows = {"mean": (before.scores.mean, after.scores.mean)}
    rows["AUC"] = (before.scores.auc, after.scores.auc)
    for joint, score in before.scores.joints.items():
        rows[joint] = (score, after.scores.joints[joint])
    for row, (one, other) in rows.items():
        table.add_row(row, f"{one:.2f}", f"{other:.2f}", f"{other - one:+.2f}")
    _show(table)
    x, y = comparison.decode_bias
    print(f"heatmap error, relative to its range: {comparison.heatmap_error:.2%}")
    print(f"heatmaps with the same argmax: {comparison.argmax_agreement:.1f} %")
    print(f"change of the decoding bias, heatmap pixels: x {x:+.3f}, y {y:+.3f}")


def print_ranges(ranges, paths):
    """The tensors with the widest ranges, and the photographs that cause them."""
    rows = ranges.rows()
    title = f"tensors with the widest ranges on {len(paths)} images"
    table = Table("tensor", "50 %", "95 %", "99 %", "all", "images", title=title)
    for row in sorted(rows, key=lambda row: -row.stretch)[:SHOWN]:
        values = (*row.percentiles.values(), row.largest_peak)
        blown_up = str(len(row.blown_up_by))
        table.add_row(row.name, *(f"{value:.3g}" for value in values), blown_up)
    _show(table)
    for image, tensors in ranges.photographs()[:SHOWN]:
        print(f"{paths[image]}: outliers in {tensors} of {len(rows)} tensors")


def print_benchmark(results, runs):
    """Sizes and times of files that ran in turn."""
    files = Table("file", "MB", "peak MB", "XNNPACK partitions")
    times = Table("file", "threads", "ms", "95 %", f"speedup, {runs} runs")
    for result in results:
        memory, size = _megabytes(result.peak_memory), _megabytes(result.size)
        files.add_row(result.name, size, memory, str(result.partitions))
        for threads, timing in result.timings.items():
            values = (f"{timing.median:.2f}", f"{timing.percentile_95:.2f}")
            times.add_row(result.name, str(threads), *values, _ratio(timing))
    _show(files, times)


def print_variants(variants):
    """The network and all its variants."""
    first = next(iter(variants.values())).comparison.network
    columns = ("", first.metric, "AUC", "same argmax, %", "MB", "ms", "speedup")
    table = Table(*columns, title=f"{first.scores.people} people; one thread")
    scores = (f"{first.scores.mean:.2f}", f"{first.scores.auc:.2f}")
    table.add_row("network", *scores, "", "", "", "")
    for name, variant in variants.items():
        comparison, timing = variant.comparison, variant.benchmark.timings[1]
        scores = comparison.tflite.scores
        table.add_row(
            name,
            f"{scores.mean:.2f}",
            f"{scores.auc:.2f}",
            f"{comparison.argmax_agreement:.1f}",
            _megabytes(variant.benchmark.size),
            f"{timing.median:.2f}",
            _ratio(timing),
        )
    _show(table)


def _ratio(timing):
    least, most = timing.ratio_range
    return f"{timing.ratio:.2f} ({least:.2f}-{most:.2f})"


def _megabytes(size):
    return "?" if size is None else f"{size / 1e6:.2f}"


def _percent(value):
    return "-" if value is None else f"{value:.1f}"


def _short(value):
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value


def _show(*tables):
    """Prints to the width of the terminal, or 120 columns where there is none."""
    Console(width=None if sys.stdout.isatty() else 120).print(*tables)
