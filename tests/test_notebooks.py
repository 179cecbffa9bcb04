"""The committed notebooks show what they say, and run."""

import ast
import re
import runpy
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 400_000
ABSOLUTE = re.compile(r"(?<![\w.:/])/\w[\w.-]*/")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def outputs(notebook):
    return [output for cell in cells(notebook, "code") for output in cell.outputs]


def texts(notebook):
    """Everything to read in a notebook, without its pictures."""
    for cell in notebook.cells:
        yield cell.source
    for output in outputs(notebook):
        yield output.get("text", "")
        yield from (
            content
            for kind, content in output.get("data", {}).items()
            if kind.startswith("text/")
        )


def check_shown(notebook):
    """Pictures, and nothing on standard error."""
    shown = outputs(notebook)
    assert any("image/jpeg" in output.get("data", {}) for output in shown)
    for output in shown:
        assert output.output_type != "error" and output.get("name") != "stderr", output


def test_there_are_four():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04"]


@each_notebook
def test_committed_whole_and_run_in_order(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    check_shown(notebook)
    counts = [cell.execution_count for cell in cells(notebook, "code")]
    assert counts == list(range(1, len(counts) + 1))
    assert path.stat().st_size < LARGEST


@each_notebook
def test_names_no_place_of_the_machine_it_ran_on(path):
    for text in texts(nbformat.read(path, as_version=4)):
        assert not ABSOLUTE.search(text), ABSOLUTE.search(text)


@each_notebook
def test_opens_with_what_it_shows_and_needs(path):
    notebook = nbformat.read(path, as_version=4)
    first, *others = cells(notebook, "markdown")
    assert first is notebook.cells[0]
    assert first.source.startswith("# ")
    assert "**Contents:**" in first.source and "**Requirements:**" in first.source
    assert any('"path/to/mpii"' in cell.source for cell in others)


@each_notebook
def test_code_compiles_and_uses_public_names(path):
    transform = TransformerManager().transform_cell
    for cell in cells(nbformat.read(path, as_version=4), "code"):
        tree = ast.parse(transform(cell.source))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("fpd_tf"):
                path_and_names = f"{node.module}.{[each.name for each in node.names]}"
                assert "._" not in path_and_names and "'_" not in path_and_names
            if isinstance(node, ast.Attribute):
                assert not node.attr.startswith("_")


@pytest.mark.slow
@each_notebook
def test_runs_from_top_to_bottom(path):
    check_shown(runpy.run_path(str(FOLDER / "run.py"))["executed"](path))
