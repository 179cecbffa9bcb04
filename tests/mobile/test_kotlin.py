import re
import subprocess
from pathlib import Path

import pytest

STUBS = Path(__file__).with_name("android_stubs.txt")
PURE = ("Json", "Contract", "Crop", "Decode", "Smoothing", "Track")


def compiled(kotlin, sources, out):
    """Compiles to classes in `out`; the compiler's errors."""
    java, compiler, library = kotlin
    finished = subprocess.run(
        [
            *(java, "-Xmx1g", "-cp", compiler),
            "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
            *("-no-stdlib", "-no-reflect", "-nowarn", "-classpath", library),
            *("-d", out, *sources),
        ],
        capture_output=True,
        text=True,
    )
    assert (finished.returncode == 0) == ("error:" not in finished.stderr)
    return finished.stderr if finished.returncode else ""


@pytest.mark.slow
def test_pure_kotlin_computes_the_golden_joints_on_the_jvm(kotlin, bundled, tmp_path):
    pose = bundled / "android" / "pose" / "src"
    sources = [pose / "main" / "kotlin" / "fpd" / "pose" / f"{n}.kt" for n in PURE]
    sources.append(pose / "test" / "kotlin" / "fpd" / "pose" / "Golden.kt")
    assert compiled(kotlin, sources, tmp_path) == ""
    java, _, library = kotlin
    golden, contract = (
        pose / "test/resources/golden.json",
        pose / "main/assets/pose.json",
    )
    finished = subprocess.run(
        [java, "-cp", f"{tmp_path}:{library}", "fpd.pose.GoldenKt", golden, contract],
        capture_output=True,
        text=True,
    )
    assert finished.stdout == "5 golden tests passed\n", finished.stderr


@pytest.mark.slow
def test_all_android_sources_fit_the_signatures_they_call(kotlin, bundled, tmp_path):
    """Against stand-ins without behaviour: neither Android nor LiteRT is here."""
    packages = re.split(r"(?m)^(?=package )", STUBS.read_text())[1:]
    for number, package in enumerate(packages):
        (tmp_path / f"stub{number}.kt").write_text(package)
    sources = [*tmp_path.glob("*.kt"), *(bundled / "android").rglob("*.kt")]
    assert compiled(kotlin, sources, tmp_path / "classes") == ""
