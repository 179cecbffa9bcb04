from pathlib import Path

import pytest

from fpd_tf.data import mat_file
from fpd_tf.errors import InputError, reason_of


@pytest.fixture
def mat_files_here(request, monkeypatch):
    """Reads MATLAB files in this process: starting one takes 0.3 s of CPU a file.

    Tests of damaged and of real files, marked `own_process`, start one.
    """

    def read(module, path, expected):
        try:
            return mat_file._as_json(Path(path))
        except Exception as error:
            raise InputError(path, "", expected, reason_of(error)) from error

    if not request.node.get_closest_marker("own_process"):
        monkeypatch.setattr(mat_file, "read_in_child", read)
