import json

import keras
import pytest

import fpd_tf as fpd
from fpd_tf.contract.pose_json import read_contract
from fpd_tf.errors import InputError
from fpd_tf.export import variants as module
from fpd_tf.export.convert import QUANTIZATIONS
from fpd_tf.export.variants import export_variants

FAST = {"calibration_count": 2, "rounds": 1, "runs": 1}


def network():
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3), name="image")
    heatmaps = keras.layers.Conv2D(16, 5, 4, "same", name="heatmaps")
    return keras.Model(image, heatmaps(image))


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("people") / "mpii", count=12, seed=0)
    return [fpd.load_mpii(root, split=split) for split in ("train", "val")]


def test_every_variant_is_written_compared_and_drawn(people, tmp_path):
    out = tmp_path / "variants"
    variants = export_variants(network(), out, *people, training_data="drawn", **FAST)
    assert list(variants) == list(QUANTIZATIONS)
    rows = json.loads((out / "variants.json").read_text())
    assert rows["none"]["argmax_agreement"] == 100
    assert rows["none"]["benchmark"]["timings"]["1"]["ratio"] == 1
    for name, variant in variants.items():
        contract = read_contract(out / f"student.{name}.pose.json")
        assert contract.scores == variant.comparison.reported_scores
        assert contract.training_data == "drawn"
        assert rows[name]["drop"] == variant.comparison.drop
    assert (out / "variants.png").stat().st_size > 1000
    with pytest.raises(InputError, match="it exists already"):
        export_variants(network(), out, *people, **FAST)


def test_a_failure_leaves_no_folder(people, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "compare_with_network", fail)
    with pytest.raises(KeyboardInterrupt):
        export_variants(network(), tmp_path / "variants", *people, **FAST)
    assert list(tmp_path.iterdir()) == []
