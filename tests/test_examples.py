"""The examples in docstrings run and print what they say.

They run in a folder that holds a trained student: student.keras, student.tflite and its
student.pose.json.
"""

import doctest
import importlib
import pkgutil
import shutil
from pathlib import Path

import pytest

import fpd_tf

HELD = Path(__file__).parent / "golden"
MODULES = [
    module.name
    for module in pkgutil.walk_packages(fpd_tf.__path__, "fpd_tf.")
    if not module.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    for suffix in ("keras", "tflite", "pose.json"):
        shutil.copy(HELD / f"tiny.{suffix}", tmp_path / f"student.{suffix}")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert not failed, "see the printed differences"
