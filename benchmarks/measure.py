"""Contestants that run in turn, and what may be said of them.

A B A B rather than A A B B: what else the machine does then falls on both. The ratio is
taken within each round, its spread is the lowest and the highest of the rounds.
"""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fpd_tf.files import written_whole

Contestant = Callable[[], float]
OPENCV = ("opencv-python-headless", "opencv-python")
PACKAGES = ("fpd_tf", "tensorflow", "keras", "numpy", *OPENCV, "torch")


@dataclass(frozen=True)
class Comparison:
    """What each contestant gave, round after round.

    Args:
        title: of the table.
        unit: of the values; more is faster where it ends in "/s", else less is.
        yardstick: the contestant that the others are held against.
        values: contestant -> one value a round.
    """

    title: str
    unit: str
    yardstick: str
    values: dict[str, list[float]]

    def ratios(self, name: str) -> list[float]:
        """How many times as fast as the yardstick, in each round."""
        pairs = zip(self.values[name], self.values[self.yardstick], strict=True)
        if self.unit.endswith("/s"):
            return [own / other for own, other in pairs]
        return [other / own for own, other in pairs]

    def rows(self) -> dict[str, dict]:
        """Contestant -> median, ratio (median) and spread (lowest, highest)."""
        return {
            name: {
                "median": statistics.median(values),
                "ratio": statistics.median(self.ratios(name)),
                "spread": [min(self.ratios(name)), max(self.ratios(name))],
                "rounds": values,
            }
            for name, values in self.values.items()
        }


def compare(
    title: str,
    contestants: Mapping[str, Contestant],
    *,
    yardstick: str,
    unit: str,
    rounds: int = 3,
) -> Comparison:
    """Lets all contestants run once in each round, after one that does not count.

    Args:
        title: of the table.
        contestants: name -> what runs and gives its value; built already.
        yardstick: one of the names.
        unit: as in `Comparison`.
        rounds: how often each runs.
    """
    for warm_up in contestants.values():
        warm_up()
    values = {name: [] for name in contestants}
    for number in range(rounds):
        for name, run in contestants.items():
            values[name].append(run())
            value = f"{values[name][-1]:.3g} {unit}"
            print(f"{number + 1}/{rounds} {name}: {value}", file=sys.stderr, flush=True)
    return Comparison(title, unit, yardstick, values)


@contextmanager
def apart(
    builds: Mapping[str, Callable[[], Contestant]],
) -> Iterator[dict[str, Contestant]]:
    """Contestants that each live in a process of their own, for as long as this lasts.

    Libraries that fight over threads or memory then only meet as neighbours.

    Args:
        builds: name -> importable function that builds the contestant and warms it.
    """
    with ExitStack() as stack:
        pools = {
            name: stack.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), _build, (build,))
            )
            for name, build in builds.items()
        }
        for ready in [pool.submit(_nothing) for pool in pools.values()]:
            ready.result()
        yield {
            name: lambda pool=pool: pool.submit(_run_built).result()
            for name, pool in pools.items()
        }


def seconds(action: Callable[[], object], repeats: int = 1) -> float:
    """Seconds of one action, of so many in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        action()
    return (time.perf_counter() - start) / repeats


def publish(
    question: str, comparisons: Sequence[Comparison], out: Path | None = None, **facts
) -> None:
    """Prints a table for each comparison, then the facts; writes all of it as JSON.

    Args:
        question: what the script answers, in a line.
        comparisons: the answer.
        out: the JSON file, its folder made when missing; none where None.
        facts: name -> anything else that JSON can hold.
    """
    about = {"question": question, "command": " ".join(sys.argv), **machine()}
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"{question} {about['machine']}", highlight=False)
    for comparison in comparisons:
        console.print(_table(comparison))
    for name, fact in facts.items():
        console.print(f"{name}: {fact}", highlight=False)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        tables = [
            {"title": each.title, "unit": each.unit, "yardstick": each.yardstick}
            | {"rows": each.rows()}
            for each in comparisons
        ]
        with written_whole(out) as aside:
            aside.write_text(json.dumps(about | {"tables": tables, **facts}, indent=2))


def machine() -> dict:
    """This machine in words, the versions at work, and what else keeps it busy."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    words = f"{_processor()}, {os.cpu_count()} cores"
    return {"machine": words, "versions": versions, "load": os.getloadavg()}


_built: list[Contestant] = []  # in a child: the one that lives there


def _build(build):
    _built.append(build())


def _nothing():
    """Comes back once the process is ready."""


def _run_built():
    return _built[0]()


def _processor():
    lines = Path("/proc/cpuinfo")
    if lines.is_file():
        for line in lines.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    return platform.processor() or platform.machine()


def _table(comparison):
    title = f"{comparison.title}, {comparison.unit}"
    columns = ("", comparison.unit, f"times as fast as {comparison.yardstick}", "range")
    table = Table(*columns, title=title)
    for name, row in comparison.rows().items():
        low, high = row["spread"]
        ratio = f"{row['ratio']:.2f}", f"{low:.2f} to {high:.2f}"
        table.add_row(name, f"{row['median']:.3g}", *ratio)
    return table
