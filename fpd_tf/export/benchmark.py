"""Time, size and memory of .tflite files on this machine."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fpd_tf.contract.tflite_file import open_interpreter
from fpd_tf.errors import InputError
from fpd_tf.export.audit import audit_tflite
from fpd_tf.files import short_names
from fpd_tf.progress import tracked
from fpd_tf.shipped import model_file

THREADS = (1, 2)
_WARM_UP = 2
_PEAK = """
import sys
from ai_edge_litert.interpreter import Interpreter

def peak():
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])

before = peak()
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
interpreter.invoke()
print(peak() - before)
"""


@dataclass(frozen=True)
class Timing:
    """Times of one file with one number of threads.

    Args:
        median: milliseconds.
        percentile_95: milliseconds.
        ratio: speedup over the first file, the median over the rounds.
        ratio_range: smallest and largest of all rounds.
    """

    median: float
    percentile_95: float
    ratio: float
    ratio_range: tuple[float, float]


@dataclass(frozen=True)
class Benchmark:
    """Results of one file.

    Args:
        name: of the file; its path where two share a name.
        size: bytes.
        partitions: of the graph that XNNPACK runs.
        peak_memory: bytes that loading and running it once adds to a child process,
            None without /proc.
        timings: threads -> times.
    """

    name: str
    size: int
    partitions: int | None
    peak_memory: int | None
    timings: dict[int, Timing]

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def benchmark(
    files: Sequence[str | Path], *, rounds: int = 5, runs: int = 20
) -> list[Benchmark]:
    """Times files in turn (A B A B), XNNPACK on, with 1 and with 2 threads.

    Args:
        files: .tflite files, or names of shipped students (their int8 files); speedups
            are relative to the first.
        rounds: over all files.
        runs: of a file in each round.

    Raises:
        InputError: a bad file, or no file, rounds or runs.

    Example:
        >>> from fpd_tf.export.benchmark import benchmark
        >>> (result,) = benchmark(["student.tflite"], rounds=1, runs=3)
        >>> result.name, result.timings[1].ratio
        ('student.tflite', 1.0)
    """
    if not files:
        raise InputError("files", "", "one or more", "none")
    for name, value in (("rounds", rounds), ("runs", runs)):
        if value < 1:
            raise InputError(name, "", "at least 1", value)
    files = [model_file(file) for file in files]
    audits = [audit_tflite(file) for file in files]
    timings = {threads: _timings(files, threads, rounds, runs) for threads in THREADS}
    return [
        Benchmark(
            name,
            audit.size,
            audit.partitions,
            peak_memory(file),
            {threads: timings[threads][index] for threads in THREADS},
        )
        for index, (file, name, audit) in enumerate(
            zip(files, short_names(files), audits, strict=True)
        )
    ]


def peak_memory(file: str | Path) -> int | None:
    """Bytes that loading and running a .tflite once adds to a child process.

    Returns:
        None if the system has no /proc.

    Raises:
        InputError: the file does not run.

    Example:
        >>> from pathlib import Path
        >>> from fpd_tf.export.benchmark import peak_memory
        >>> peak_memory("student.tflite") > Path("student.tflite").stat().st_size
        True
    """
    if not Path("/proc/self/status").exists():
        return None
    child = subprocess.run(
        [sys.executable, "-c", _PEAK, str(file)], capture_output=True, text=True
    )
    if child.returncode:
        reasons = child.stderr.strip().splitlines() or [child.returncode]
        raise InputError(file, "", "a network that runs", reasons[-1])
    return int(child.stdout)


def _timings(files, threads, rounds, runs):
    """One `Timing` for each file."""
    interpreters = [open_interpreter(file, threads) for file in files]
    for interpreter in interpreters:
        _fill(interpreter)
    times = np.array(
        [
            [_milliseconds(interpreter, runs) for interpreter in interpreters]
            for _ in tracked(range(rounds), f"timing, threads: {threads}", timed=True)
        ]
    )
    medians = np.median(times, axis=2)
    ratios = medians[:, :1] / medians
    return [
        Timing(
            median=float(np.median(times[:, file])),
            percentile_95=float(np.percentile(times[:, file], 95)),
            ratio=float(np.median(ratios[:, file])),
            ratio_range=(float(ratios[:, file].min()), float(ratios[:, file].max())),
        )
        for file in range(len(files))
    ]


def _fill(interpreter):
    """Noise in every input: zeros can be faster than pictures."""
    random = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        shape, dtype = details["shape"], details["dtype"]
        values = random.random(shape) * (1 if dtype == np.float32 else 100)
        interpreter.set_tensor(details["index"], values.astype(dtype))


def _milliseconds(interpreter, runs):
    for _ in range(_WARM_UP):
        interpreter.invoke()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        interpreter.invoke()
        times.append(1000 * (time.perf_counter() - started))
    return times
