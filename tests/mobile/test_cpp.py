"""A reader written from RULES.md alone: what the page of rules says is enough."""

import subprocess
from pathlib import Path

import pytest

READER = Path(__file__).with_name("rules.cpp")


@pytest.mark.slow
def test_a_reader_written_from_the_rules_computes_the_golden_joints(
    cpp, bundled, tmp_path
):
    """Nothing is fused but what the rules say: levels are equal to the last bit."""
    program, golden = tmp_path / "rules", bundled / "web" / "test" / "golden.json"
    flags = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
    subprocess.run([cpp, *flags, READER, "-o", program], check=True)
    finished = subprocess.run([program, golden], capture_output=True, text=True)
    assert finished.stdout == "5 golden tests passed\n", finished.stderr
