"""Runs notebooks from top to bottom and keeps what they show.

python notebooks/run.py              # all of them
python notebooks/run.py 01_data      # one
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs; it runs in a folder of its own."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        NotebookClient(
            notebook, timeout=1800, record_timing=False, resources=where
        ).execute()
    return notebook


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    for name in names:
        print(name, flush=True)
        path = FOLDER / f"{name}.ipynb"
        nbformat.write(executed(path), path)
