import shutil
from pathlib import Path

import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.export import benchmark as module
from fpd_tf.export.benchmark import benchmark, peak_memory


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    held = Path(__file__).parents[1] / "golden" / "tiny.tflite"
    path = tmp_path_factory.mktemp("timed") / "student.tflite"
    return Path(shutil.copy(held, path))


class Clock:
    """Stands for a network: invoking it takes `milliseconds` of a clock made here."""

    now, calls = 0.0, []

    def __init__(self, name, times):
        self.name, self.times = name, iter(times)

    def invoke(self):
        Clock.calls.append(self.name)
        Clock.now += next(self.times) / 1000

    def get_input_details(self):
        return ()


def test_files_take_turns_and_ratios_are_of_the_same_round(monkeypatch):
    """Round one is twice as slow for both: the ratio does not see it."""
    times = {"a": [9, 9, 20, 40, 60, 9, 9, 10, 20, 30]}
    times["b"] = [9, 9, 10, 10, 10, 9, 9, 5, 5, 5]
    monkeypatch.setattr(
        module, "open_interpreter", lambda name, _: Clock(name, times[name])
    )
    monkeypatch.setattr(module.time, "perf_counter", lambda: Clock.now)
    Clock.calls.clear()
    a, b = module._timings(["a", "b"], threads=1, rounds=2, runs=3)
    assert Clock.calls == 5 * ["a"] + 5 * ["b"] + 5 * ["a"] + 5 * ["b"]
    assert (a.median, b.median) == (pytest.approx(25), pytest.approx(7.5))
    every = [20, 40, 60, 10, 20, 30]
    assert a.percentile_95 == pytest.approx(np.percentile(every, 95))
    assert a.ratio == 1 and b.ratio == pytest.approx(4)
    assert b.ratio_range == pytest.approx((4, 4))


def test_a_file_is_timed_with_one_and_two_threads(student):
    (result,) = benchmark([student], rounds=1, runs=2)
    assert result.name == "student.tflite" and result.size == student.stat().st_size
    assert set(result.timings) == {1, 2} and result.partitions >= 1
    assert 0 < result.timings[1].median <= result.timings[1].percentile_95
    assert set(result.as_dict()) >= {"peak_memory", "timings"}


def test_peak_memory_is_that_of_the_file_alone(student):
    """Not of this process, which has TensorFlow loaded."""
    assert student.stat().st_size < peak_memory(student) < 30_000_000


def test_bad_files_and_counts_are_refused(student, tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"0000TFL3")
    with pytest.raises(InputError, match="broken.tflite"):
        benchmark([student, broken])
    with pytest.raises(InputError, match="runs: expected at least 1. Received: 0"):
        benchmark([student], runs=0)
    with pytest.raises(InputError, match="files: expected one or more"):
        benchmark([])
    with pytest.raises(InputError, match="broken.tflite: expected a network that runs"):
        peak_memory(broken)
