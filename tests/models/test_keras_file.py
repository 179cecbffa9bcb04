import zipfile
from pathlib import Path

import keras
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.keras_file import (
    check_loadable,
    joint_set_of_network,
    load_network,
    named_network,
    save_network,
)
from fpd_tf.quiet import quiet


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
    with pytest.raises(InputError, match="expected a .keras file. Received: a folder"):
        load_network(tmp_path)
    other = tmp_path / "network.pb"
    other.write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="a .keras file. Received: a .pb file"):
        load_network(other)
    empty = tmp_path / "empty.keras"
    empty.touch()
    for bad, kind in (
        *((empty, "an empty file"), (text, "another format")),
        (cut, "a file that is cut short or damaged"),
    ):
        with pytest.raises(InputError, match=f"saved by Keras. Received: {kind}$"):
            load_network(bad)
    for bad in (cut, text, tmp_path / "missing.keras", tmp_path):
        with pytest.raises(InputError, match=str(bad)) as refusal:
            load_network(bad)
        assert "\n" not in str(refusal.value)


def test_an_older_file_of_keras_is_read(tmp_path):
    image = keras.Input((8, 8, 3))
    network = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    with quiet():  # Keras says that .h5 files are old
        network.save(tmp_path / "old.h5")
    found = load_network(tmp_path / "old.h5")
    assert found.count_params() == 56 and joint_set_of_network(found) is None


def test_a_file_of_another_keras_names_both_versions(tmp_path):
    """As Keras 3.14 met what Keras 3.15 had saved: an argument it did not know."""
    path = tmp_path / "newer.keras"
    tiny = Path(__file__).parents[1] / "golden" / "tiny.keras"
    with zipfile.ZipFile(tiny) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "metadata.json":
                content = content.replace(keras.__version__.encode(), b"99.1.0")
            elif name == "config.json":
                content = content.replace(b'"filters"', b'"new_in_99": 1, "filters"', 1)
            target.writestr(name, content)
    said = f"a file of Keras 99.1.0, which this Keras {keras.__version__} does not read"
    with pytest.raises(InputError, match=f"{said}: .*new_in_99"):
        load_network(path)


class Doubled(keras.layers.Layer):
    """Not registered: Keras finds it by its module, unless that is a notebook."""

    def call(self, x):
        return 2 * x


@pytest.mark.parametrize("last", [Doubled(), keras.layers.Lambda(lambda x: 2 * x)])
def test_a_network_that_no_file_gives_back_is_refused(tmp_path, last, monkeypatch):
    monkeypatch.setattr(Doubled, "__module__", "__main__")
    image = keras.Input((8, 8, 3))
    network = keras.Model(image, last(image), name="own")
    with pytest.raises(InputError, match="own: its file could not be loaded") as said:
        check_loadable(network)
    assert "Full object config" not in str(said.value) and "\n" not in str(said.value)


def test_only_a_keras_file_and_a_joint_set_are_taken(tmp_path):
    image = keras.Input((8, 8, 3))
    network = keras.Model(image, keras.layers.Conv2D(2, 3)(image), name="two")
    with pytest.raises(InputError, match="a name that ends in .keras. Received: a.h5"):
        save_network(network, tmp_path / "a.h5")
    with pytest.raises(InputError, match="two: joint_set: expected a JointSet"):
        named_network(network, ["left", "right"])
    assert not [*tmp_path.iterdir()]
