"""Digests of teachers: by content."""

import pytest

from fpd_tf.training.digests import digest_of_teachers


def test_a_file_counts_with_its_contract_and_not_by_its_name(tmp_path):
    first, same = tmp_path / "a.tflite", tmp_path / "b.tflite"
    first.write_bytes(b"network")
    same.write_bytes(b"network")
    alone = digest_of_teachers([first])
    assert alone == digest_of_teachers([str(same)]) and len(alone) == 16
    (tmp_path / "a.pose.json").write_text("{}")
    assert digest_of_teachers([first]) != alone
    first.write_bytes(b"other")
    (tmp_path / "a.pose.json").unlink()
    assert digest_of_teachers([first]) != alone


@pytest.mark.parametrize("moved", [0, -1])
def test_a_network_counts_by_its_weights(tiny_network, moved):
    network = tiny_network()
    before = digest_of_teachers([network])
    assert digest_of_teachers([tiny_network()]) == before
    assert digest_of_teachers([network, network]) != before
    weights = network.get_weights()
    weights[moved] = weights[moved] + 1
    network.set_weights(weights)
    assert digest_of_teachers([network]) != before
