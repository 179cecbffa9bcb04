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


@pytest.fixture(scope="session")
def foreign_file(tmp_path_factory):
    """Writes a .tflite of a function on images: `foreign_file(function, shape, dtype)`.

    `movenet_like` below is such a function.
    """
    import tensorflow as tf

    from fpd_tf.quiet import quiet

    def write(function, shape=(1, 32, 32, 3), dtype="int32", name="foreign"):
        spec = tf.TensorSpec(shape, dtype, name="input")
        concrete = tf.function(function, input_signature=[spec]).get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
        with quiet():
            content = converter.convert()
        path = tmp_path_factory.mktemp("foreign") / f"{name}.tflite"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="session")
def movenet_like():
    """Each of COCO's joints at the brightest pixel of red (left), green or blue."""
    import tensorflow as tf

    from fpd_tf.joints import COCO

    colors = {"left": 0, "right": 1}
    of_joints = [colors.get(name.split("_")[0], 2) for name in COCO.joints]

    def find(image):
        size = image.shape[1]
        levels = tf.reshape(tf.cast(image, tf.float32), (size * size, 3))
        peaks = tf.argmax(levels, axis=0, output_type=tf.int32)
        y, x = (
            (tf.cast(at, tf.float32) + 0.5) / size
            for at in (peaks // size, peaks % size)
        )
        found = tf.stack([y, x, tf.reduce_max(levels, axis=0) / 255], axis=-1)
        return tf.gather(found, of_joints)[None, None]

    return find


@pytest.fixture(scope="session")
def movenet_file(foreign_file, movenet_like):
    """A file of MoveNet's shape, 32 px: see `movenet_like`."""
    return foreign_file(movenet_like, name="movenet")
