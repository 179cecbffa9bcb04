import numpy as np
import pytest
from scipy.io import savemat

from fpd_tf import sandbox as child
from fpd_tf.data.mat_file import read_mat
from fpd_tf.errors import InputError

CONTENT = {
    "numbers": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "half": np.array([0.1, np.nan, -np.inf]),
    "one": 3,
    "text": "a.jpg",
    "cells": np.array(["a", 7], object),
    "struct": {"x": 1.5, "inner": {"empty": []}},
    "structs": np.array([(1, "b"), (2, "c")], [("id", object), ("name", object)]),
    "complex": np.array([1 + 2j, 3]),
}


@pytest.fixture
def content(tmp_path):
    savemat(tmp_path / "a.mat", CONTENT)
    return read_mat(tmp_path / "a.mat", "numbers", "struct")


def test_arrays_keep_type_shape_and_every_bit(content):
    for name in ("numbers", "half"):
        assert content[name].dtype == CONTENT[name].dtype
        np.testing.assert_array_equal(content[name], CONTENT[name])
    np.testing.assert_array_equal(content["complex"], [1 + 2j, 3])


def test_structs_are_dicts_and_struct_arrays_lists(content):
    assert content["one"] == 3 and content["text"] == "a.jpg"
    assert content["cells"] == ["a", 7]
    assert (
        content["struct"]["x"] == 1.5 and content["struct"]["inner"]["empty"].size == 0
    )
    assert content["structs"] == [{"id": 1, "name": "b"}, {"id": 2, "name": "c"}]
    assert set(content) == set(CONTENT)


def test_a_missing_variable_names_those_that_are_there(tmp_path):
    savemat(tmp_path / "a.mat", {"joints": 1})
    with pytest.raises(InputError, match=r"a.mat: points: .* Received: \['joints'\]"):
        read_mat(tmp_path / "a.mat", "points")


def test_a_process_of_its_own_reads_it(tmp_path, monkeypatch):
    savemat(tmp_path / "a.mat", CONTENT)
    monkeypatch.setattr(child, "SECONDS", 0.01)
    with pytest.raises(InputError, match="a.mat: .* Received: no end after 0.01 s"):
        read_mat(tmp_path / "a.mat")
