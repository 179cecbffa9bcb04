"""The Swift package compiled and run on Linux; the rest against stand-ins."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

STUBS = Path(__file__).with_name("apple_stubs.txt")
DOCS = Path(__file__).parents[2] / "docs"
AROUND = "import AVFoundation\nimport FPDPose\nfunc shown() throws {{\n{}}}\n"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def swift(trixie, bundled, shown_block):
    """A function that runs a command in trixie, beside the bundle's ios folder."""
    folder = Path(tempfile.mkdtemp(dir=trixie / "tmp"))
    shutil.copytree(bundled / "ios", folder / "ios")
    for name, source in stand_ins().items():
        (folder / f"{name}.swift").write_text(source)
    shown = shown_block("swift", folder / "ios" / "README.md", DOCS / "bundle.md")
    (folder / "Shown.swift").write_text(AROUND.format(shown))
    inside = f"/{folder.relative_to(trixie)}"
    enter = 'mount -t proc proc "$0/proc" && exec chroot "$0" sh -c "cd $1 && $2"'

    def run(command):
        """The command's output; the compiler finds its library through /proc."""
        finished = subprocess.run(
            ["unshare", "--mount", "sh", "-c", enter, trixie, inside, command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": inside},
            capture_output=True,
            text=True,
        )
        said = finished.stdout + finished.stderr
        assert finished.returncode == 0, said
        return said

    yield run
    shutil.rmtree(folder)


def stand_ins():
    """Module -> source."""
    modules = re.split(r"(?m)^module (\w+)$", STUBS.read_text())[1:]
    return dict(zip(modules[::2], modules[1::2], strict=True))


def test_swift_computes_the_golden_joints(swift):
    said = swift("swift test --package-path ios")
    assert re.search(r"Executed 8 tests, with 0 failures", said)


@pytest.mark.parametrize("mode", [5, 6])
def test_all_other_swift_compiles_in_each_language_mode(swift, mode):
    *modules, client = stand_ins()
    assert client == "Client"
    for module in modules:
        swift(f"swiftc -parse-as-library -emit-module -I . {module}.swift")
    swiftc = f"swiftc -parse-as-library -warnings-as-errors -swift-version {mode} -I ."
    sources = "ios/Sources/FPDPose/*.swift"
    swift(f"{swiftc} -emit-module -module-name FPDPose {sources}")
    swift(f"{swiftc} -typecheck ios/Sample/Sources/*.swift")
    swift(f"{swiftc} -typecheck {client}.swift")
    swift(f"{swiftc} -typecheck Shown.swift")
