"""The same Distiller on Keras's JAX backend, under DataParallel.

This file is also the program of the processes that train: how many of how many, and the
file for the weights. `jax` is no dependency of the package; without it the tests skip.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

EPOCHS, PEOPLE, BATCH = 3, 20, 4


def start(out, devices, *words, prefix=()):
    return subprocess.Popen(
        [*prefix, sys.executable, __file__, str(out), *words],
        env=os.environ
        | {
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes):
    said = [process.communicate()[0] for process in processes]
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0, text


def assert_equal(one, other):
    with np.load(one) as left, np.load(other) as right:
        assert left.files == right.files and len(left.files) > 8
        for name in left.files:
            np.testing.assert_allclose(left[name], right[name], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("jax"), reason="jax is not installed")
def test_two_devices_or_processes_train_as_one_device(tmp_path):
    one, two, both = (tmp_path / f"{name}.npz" for name in ("one", "two", "both"))
    finish(start(one, 1), start(two, 2))
    assert_equal(one, two)
    words = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return
    finish(start(both, 1, "both", prefix=words))
    assert_equal(one, both)


def train(out, process=0, processes=1):
    import keras

    import fpd_tf.training.distiller as distillation
    from fpd_tf.models.hourglass import stacked_hourglass

    if processes > 1:
        keras.distribution.initialize("127.0.0.1:20001", processes, process)
    distribution = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(distribution)
    keras.utils.set_random_seed(0)
    size = {"input_size": 32, "depth": 1, "num_features": 4, "stem_width": 4}
    teacher, student = (stacked_hourglass(num_stacks=n, **size) for n in (2, 1))
    before = student.get_weights()
    distiller = distillation.Distiller(teacher=teacher, student=student)
    distiller.compile(keras.optimizers.SGD(1e-3, momentum=0.9, clipnorm=1.0))

    class Share(keras.utils.PyDataset):
        """This process's part of each batch."""

        def __len__(self):
            return PEOPLE // BATCH

        def __getitem__(self, index):
            part = BATCH // processes
            first = index * BATCH + process * part
            return tuple(array[first : first + part] for array in people)

    rng = np.random.default_rng(0)
    shapes = (PEOPLE, 32, 32, 3), (PEOPLE, 8, 8, 16), (PEOPLE, 16)
    people = [rng.random(shape).astype("float32") for shape in shapes]
    logs = distiller.fit(Share(), epochs=EPOCHS, shuffle=False, verbose=0).history
    assert logs["loss"][-1] < logs["loss"][0], logs
    after = student.get_weights()
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(after, before, strict=True))
    if not process:
        np.savez(out, *after, *logs.values())


if __name__ == "__main__":
    if sys.argv[2:] == ["both"]:
        first = start(sys.argv[1], 1, "0", "2")
        finish(first, start(sys.argv[1], 1, "1", "2"))
    else:
        train(sys.argv[1], *map(int, sys.argv[2:]))
