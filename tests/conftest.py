import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photographs and published predictions beside the project."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the project")
    return folder


@pytest.fixture
def run_fpd(monkeypatch, capfd):
    """Runs `fpd ARGUMENTS` in this process: (status, standard output, error)."""
    from fpd_tf import cli  # not everything here may import what the verbs need

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fpd", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code or 0, *capfd.readouterr()

    return run
