import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.keras_file import load_network


def test_a_network_is_read_back_and_anything_else_refused(tmp_path):
    path = tmp_path / "network.keras"
    network = fpd.stacked_hourglass(
        num_stacks=1, num_features=4, depth=1, input_size=32, stem_width=4
    )
    network.save(path)
    assert load_network(path).output_shape == network.output_shape

    cut = tmp_path / "cut.keras"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    text = tmp_path / "text.keras"
    text.write_text("no network")
    for bad in (cut, text, tmp_path / "missing.keras", tmp_path):
        with pytest.raises(InputError, match=str(bad)) as refusal:
            load_network(bad)
        assert "\n" not in str(refusal.value)
