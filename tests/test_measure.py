import importlib
import json
import os
from functools import partial
from pathlib import Path

import pytest


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    return importlib.import_module("measure")


def counting(start):
    """A contestant that gives start, start + 1, ..."""
    return iter(range(start, 100)).__next__


def test_contestants_take_turns_and_are_held_against_the_yardstick_of_their_round(
    measure,
):
    order, values = [], {"plain": counting(2), "fast": counting(6)}

    def run(name):
        order.append(name)
        return values[name]()

    contestants = {name: partial(run, name) for name in values}
    rates = measure.compare("", contestants, yardstick="plain", unit="images/s")
    assert order == ["plain", "fast"] * 4  # the first to warm up
    assert rates.ratios("fast") == [7 / 3, 8 / 4, 9 / 5]
    assert rates.rows()["fast"] == {
        "median": 8,
        "ratio": 2.0,
        "spread": [9 / 5, 7 / 3],
        "rounds": [7, 8, 9],
    }
    times = measure.Comparison("", "ms", "plain", {"plain": [2.0], "fast": [0.5]})
    assert times.ratios("fast") == [4.0]


def test_contestants_apart_live_in_processes_of_their_own(measure):
    builds = {name: partial(partial, os.getpid) for name in ("a", "b")}
    with measure.apart(builds) as contestants:
        found = measure.compare("", contestants, yardstick="a", unit="s").values
    processes = {frozenset(found["a"]), frozenset(found["b"]), frozenset([os.getpid()])}
    assert [len(each) for each in processes] == [1, 1, 1]


def test_what_is_published_says_on_what_it_was_measured(measure, tmp_path, capsys):
    out = tmp_path / "new" / "answer.json"
    rates = measure.Comparison("Steps", "images/s", "a", {"a": [2.0], "b": [5.0]})
    measure.publish("How fast?", [rates], out, epochs=3)
    printed = capsys.readouterr().out
    assert "How fast?" in printed and "2.50 to 2.50" in printed
    answer = json.loads(out.read_text())
    assert answer["versions"]["tensorflow"] and "cores" in answer["machine"]
    assert answer["tables"][0]["rows"]["b"]["ratio"] == 2.5 and answer["epochs"] == 3
