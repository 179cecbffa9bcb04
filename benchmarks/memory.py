"""Does memory grow with the epochs of a training, or with the photographs?

Every row is a process of its own: one training or evaluation on drawn people, enlarged
to the size of MPII's photographs (1280 x 720); more people than are drawn are the same
ones again, which costs the pipeline as much as others would. Peak is VmHWM, and
"an epoch" what the resident memory gained per epoch over the second half of a run,
garbage collected.

    python -m benchmarks.memory --short
    python -m benchmarks.memory --out runs/memory.json

The short form takes two minutes on two cores. The long one adds a cached teacher,
22,000 people, and the paper's networks at 256 px with the teacher in the step.
"""

import gc
import json
import os
import platform
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.files import written_whole

DRAWN, WIDTH, HEIGHT = 40, 1280, 720
PAPER, TEACHER = ("preset=hourglass_4x128",), "hourglass_8x256"
SMALL = (
    *("preset=hourglass_2x64", "model.num_stacks=1", "model.num_features=16"),
    *("model.depth=2", "data.input_size=64", "data.sigma=1.0", "data.batch_size=16"),
)
CACHED = ("teacher_cache=true",)


@dataclass(frozen=True)
class Case:
    """One row: a verb on so many people, for so many epochs."""

    verb: str
    epochs: int
    people: int
    settings: tuple[str, ...] = SMALL


SHORT = (
    *(Case("train", epochs, 64) for epochs in (4, 30)),
    Case("train", 2, 1024),
    *(Case("evaluate", 1, people) for people in (256, 1024)),
)
LONG = (
    *(Case("train", epochs, 200) for epochs in (4, 40, 400)),
    *(Case("train", 2, people) for people in (220, 2_200, 22_000)),
    *(Case("distill", 2, people, SMALL + CACHED) for people in (220, 2_200, 22_000)),
    *(Case("evaluate", 1, people) for people in (220, 2_200, 22_000)),
    *(Case("distill", 1, people, PAPER) for people in (40, 400)),
)


def main(
    short: Annotated[bool, typer.Option(help="Two minutes, not hours.")] = False,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
):
    """Measures each case, prints the table and writes JSON."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = synthesize(Path(folder) / "people", count=DRAWN)
        for case in SHORT if short else LONG:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found = pool.submit(measure, case, root).result()
            rows.append(asdict(case) | found)
            print(f"{case.verb}, {case.people} people: {found['peak']:.0f} MB")
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("fpd_tf", "tensorflow", "keras")},
        "rows": rows,
    }
    _print(rows)
    if out:
        with written_whole(out) as aside:
            aside.write_text(json.dumps(report, indent=2))


def measure(case: Case, root: Path) -> dict[str, float]:
    """In a process of its own: megabytes at the start, at the peak, and an epoch."""
    from fpd_tf.evaluation.evaluate import scorer
    from fpd_tf.training.recipes import configure

    drawn = _enlarged(fpd.load_mpii(root, split="all"), root)
    people = drawn.of(islice(cycle(drawn), case.people))
    config = configure("paper_mpii", [*case.settings, f"epochs={case.epochs}"])
    size = config.data.input_size
    evaluate, resident = scorer(drawn[:16]), []

    def score(network):
        scores = evaluate(network)
        gc.collect()
        resident.append(_megabytes("VmRSS"))
        return scores

    start = _megabytes("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        if case.verb == "evaluate":
            network = fpd.build_model(config.preset, input_size=size, **config.model)
            fpd.evaluate(network, people)
        elif case.verb == "train":
            fpd.train(people, out, config, score=score)
        else:
            name = TEACHER if case.settings == PAPER else config.preset
            teacher = fpd.build_model(name, input_size=size)
            fpd.distill(people, out, teacher, config, score=score)
    later = resident[len(resident) // 2 :]
    gained = (later[-1] - later[0]) / (len(later) - 1) if len(later) > 1 else 0.0
    return {"start": start, "peak": _megabytes("VmHWM"), "an_epoch": gained}


def _enlarged(people, root):
    """The people, in photographs of MPII's size."""
    large = []
    for person in people:
        path = root / f"large-{person.image_path.name}"
        picture = cv2.imread(str(person.image_path))
        factor = HEIGHT / picture.shape[0]
        cv2.imwrite(str(path), cv2.resize(picture, (WIDTH, HEIGHT)))
        box = person.box
        large.append(
            replace(
                person,
                image_path=path,
                joints=person.joints * factor,
                box=fpd.Box(box.x * factor, box.y * factor, box.side * factor),
            )
        )
    return people.of(large)


def _megabytes(line):
    """A line of /proc/self/status that counts kB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{line}:")[1].split()[0]) / 1024


def _print(rows):
    table = Table("", "epochs", "people", "start MB", "peak MB", "an epoch, MB")
    for row in rows:
        counts = str(row["epochs"]), str(row["people"])
        memory = f"{row['start']:.0f}", f"{row['peak']:.0f}", f"{row['an_epoch']:+.2f}"
        table.add_row(row["verb"], *counts, *memory)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
