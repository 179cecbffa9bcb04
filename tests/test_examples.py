"""The examples in docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import fpd_tf

MODULES = [
    module.name
    for module in pkgutil.walk_packages(fpd_tf.__path__, "fpd_tf.")
    if not module.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of them write files
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert not failed, "see the printed differences"
