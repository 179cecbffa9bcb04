import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fpd_tf.shipped import shipped

STUBS = Path(__file__).with_name("androidx_stubs.txt")
DOCS = Path(__file__).parents[2] / "docs"
AROUND = """
import android.content.Context
import androidx.camera.core.ImageProxy
import fpd.pose.*
class App(context: Context, val draw: (List<Point>?, FloatArray?) -> Unit) {
"""
PURE = (
    "Json",
    "Contract",
    "Crop",
    "Decode",
    "PixelBuffer",
    "Search",
    "Smoothing",
    "Track",
)


ANDROID = shipped("android")
NAMESPACES = "{http://schemas.android.com/%s}"


def test_the_library_builds_in_an_app_of_another_build():
    """No version catalogue, no plugin's version, no option that Kotlin 2.3 dropped."""
    for module in ("pose", "app"):
        build = (ANDROID / module / "build.gradle.kts").read_text()
        assert "libs." not in build and " version " not in build
        assert "kotlinOptions" not in build and "jvmTarget = JvmTarget.JVM_17" in build
    assert not list((ANDROID / "pose").rglob("AndroidManifest.xml"))


def test_the_sample_asks_for_the_camera_alone():
    manifest = ElementTree.parse(ANDROID / "app/src/main/AndroidManifest.xml").getroot()
    name, node = NAMESPACES % "apk/res/android" + "name", NAMESPACES % "tools" + "node"
    asked = {
        each.attrib[name].removeprefix("android.permission."): each.attrib.get(node)
        for each in manifest.iter("uses-permission")
    }
    assert asked == {
        "CAMERA": None,
        "FOREGROUND_SERVICE": "remove",
        "FOREGROUND_SERVICE_DATA_SYNC": "remove",
    }


def compiled(kotlin, sources, out, *, android=None):
    """Compiles to classes in `out`, for Android or the JVM; the compiler's errors."""
    java, compiler, library = kotlin
    platform = ("-no-jdk", "-classpath", f"{library}:{android}")
    finished = subprocess.run(
        [
            *(java, "-Xmx1g", "-cp", compiler),
            "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
            *("-no-stdlib", "-no-reflect", "-nowarn"),
            *(platform if android else ("-classpath", library)),
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
    files = [
        pose / "test/resources/golden.json",
        pose / "main/assets/pose.json",
        pose / "main/assets/pose.tflite",
    ]
    finished = subprocess.run(
        [java, "-cp", f"{tmp_path}:{library}", "fpd.pose.GoldenKt", *files],
        capture_output=True,
        text=True,
    )
    assert finished.stdout == "9 golden tests passed\n", finished.stderr


@pytest.mark.slow
def test_all_android_sources_compile_against_android(
    kotlin, android_jar, bundled, shown_block, tmp_path
):
    """Android's own classes of API 23, Java's among them; stand-ins for libraries."""
    android = bundled / "android"
    packages = re.split(r"(?m)^(?=package )", STUBS.read_text())[1:]
    packages.append(resources(android / "app/src/main/res/values/strings.xml"))
    shown = shown_block("kotlin", android / "README.md", DOCS / "bundle.md")
    packages.append(f"package shown{AROUND}{shown}}}\n")
    for number, package in enumerate(packages):
        (tmp_path / f"stub{number}.kt").write_text(package)
    sources = [*tmp_path.glob("*.kt"), *android.rglob("*.kt")]
    assert compiled(kotlin, sources, tmp_path / "out", android=android_jar) == ""


def resources(strings):
    """R, which Android's build makes of the strings' names."""
    names = [string.attrib["name"] for string in ElementTree.parse(strings).getroot()]
    fields = "; ".join(f"const val {name} = 0" for name in names)
    return f"package fpd.sample\nobject R {{ object string {{ {fields} }} }}\n"
