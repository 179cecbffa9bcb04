from pathlib import Path

import pytest
import yaml

from fpd_tf.export.audit import audit_tflite
from fpd_tf.shipped import shipped

IOS = Path(__file__).parents[2] / "tflite" / "ios"
SOURCES = sorted(path.relative_to(IOS).as_posix() for path in IOS.rglob("*.swift"))


@pytest.fixture(scope="session")
def errors_in(require_module):
    """A function from Swift source to the places that are not Swift."""
    grammar = require_module("tree_sitter_swift")
    tree_sitter = require_module("tree_sitter")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))

    def errors(source):
        def wrong(node):
            if node.type == "ERROR" or node.is_missing:
                yield node.start_point.row + 1
            for child in node.children:
                yield from wrong(child)

        return list(wrong(parser.parse(source).root_node))

    return errors


@pytest.mark.parametrize("path", SOURCES)
def test_swift_parses(errors_in, path):
    """Parsed only: no Swift compiler runs on this system."""
    assert errors_in((IOS / path).read_bytes()) == []


def test_the_parser_sees_what_is_wrong(errors_in):
    assert errors_in(b"func f( -> Int { return 1 }")


def test_the_sample_times_a_release_build_of_one_language_mode():
    project = yaml.safe_load((IOS / "Sample" / "project.yml").read_text())
    assert project["schemes"]["PoseSample"]["run"]["config"] == "Release"
    assert project["settings"]["SWIFT_VERSION"] == "5.0"


@pytest.mark.parametrize(("name", "count"), [("pose-small", 0), ("pose-lite", 2)])
def test_nearest_resizes_are_where_the_readme_says(name, count):
    """Without one XNNPACK runs the file in one piece, on iOS too."""
    audit = audit_tflite(shipped("models") / f"{name}.int8.tflite")
    found = {name: number for (name, _), number in audit.operators.items()}
    assert found.get("RESIZE_NEAREST_NEIGHBOR", 0) == count
    assert (audit.partitions == 1) == (count == 0)
