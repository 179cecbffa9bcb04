"""What a Keras user does with any model, done with a Distiller.

B = 5 people, H = W = 8 cells, K = 16 joints. Steps run eagerly unless a test is
about the graph: tracing is what costs.
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.training.losses import fpd_loss, joints_cross_entropy, stacks_loss


@pytest.fixture
def distiller(tiny_network):
    """Builds a compiled Distiller."""

    def build(student=None, teacher=True, optimizer="adam", eager=True, **settings):
        if teacher is True:
            teacher = tiny_network(num_stacks=2, seed=10, name="teacher")
        student = student or tiny_network()
        built = fpd.Distiller(teacher=teacher or None, student=student, **settings)
        built.compile(optimizer, run_eagerly=eager, jit_compile=False)
        return built

    return build


@pytest.fixture
def dataset(batch):
    return tf.data.Dataset.from_tensors(batch)


def fit(model, dataset, epochs=1, **more):
    return model.fit(dataset, epochs=epochs, verbose=0, shuffle=False, **more).history


def same(one, other):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-7)


@pytest.fixture
def told(batch):
    """What a teacher says of the batch, and how far it is to be believed."""
    rng = np.random.default_rng(3)
    weights = rng.random((5, 16), np.float32)
    weights[2, 5] = 0
    return rng.random((5, 8, 8, 16), np.float32), weights


@pytest.mark.parametrize("eager", [True, False])
def test_a_fourth_part_of_the_batch_is_the_teachers_word(distiller, batch, told, eager):
    taught = distiller(teacher=None, distillation_weight=0.25, eager=eager)
    stack = taught.student(batch[0], training=True)
    expected = fpd_loss([stack], *batch[1:], told[0], 0.25, teacher_weights=told[1])
    logs = fit(taught, tf.data.Dataset.from_tensors((*batch, told)))
    names = ["loss", "student_loss", "distillation_loss"]
    assert logs.keys() == {*names}
    same([logs[name][0] for name in names], expected)


def test_the_word_in_the_batch_goes_before_the_teacher(distiller, batch, told):
    both, alone = distiller(), distiller(teacher=None)
    words = tf.data.Dataset.from_tensors((*batch, told))
    assert fit(both, words) == fit(alone, words)
    assert fit(both, tf.data.Dataset.from_tensors(batch)) != fit(alone, words)


def test_cross_entropy_may_be_kept_too(distiller, batch, told):
    taught = distiller(teacher=None, distance=joints_cross_entropy)
    stack = taught.student(batch[0], training=True)
    expected = np.mean(told[1] * joints_cross_entropy(told[0], stack))
    logs = fit(taught, tf.data.Dataset.from_tensors((*batch, told)))
    np.testing.assert_allclose(logs["distillation_loss"], expected, rtol=1e-5)


@pytest.mark.parametrize("taught", [True, False])
def test_the_ground_truths_distance_may_be_another(distiller, batch, told, taught):
    built = distiller(teacher=None, student_distance=joints_cross_entropy)
    stack = built.student(batch[0], training=True)
    expected = np.mean(batch[2] * joints_cross_entropy(batch[1], stack))
    parts = (*batch, told) if taught else batch
    logs = fit(built, tf.data.Dataset.from_tensors(parts))
    np.testing.assert_allclose(logs["student_loss"], expected, rtol=1e-5)


def test_alone_there_is_no_loss_of_distilling(distiller, batch, dataset):
    alone = distiller(teacher=None, distillation_weight=0.9)
    stack = alone.student(batch[0], training=True)
    logs = fit(alone, dataset)
    assert logs.keys() == {"loss", "student_loss"}
    assert logs["loss"] == logs["student_loss"]
    np.testing.assert_allclose(logs["loss"], stacks_loss([stack], *batch[1:]))


def test_backup_and_restore_goes_on_where_it_was(distiller, dataset, tmp_path):
    def build():
        steps = keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.01, 0.005])
        return distiller(optimizer=keras.optimizers.Adam(steps))

    class Interrupted(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    repeated = dataset.repeat(2)
    whole = build()
    fit(whole, repeated, 4)
    with pytest.raises(KeyboardInterrupt):
        fit(build(), repeated, 4, callbacks=[backup(), Interrupted()])
    again, begun = build(), []

    class Seen(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            optimizer = self.model.optimizer
            rate = float(optimizer.learning_rate)
            begun.append((epoch, int(optimizer.iterations), rate))

    fit(again, repeated, 4, callbacks=[backup(), Seen()])
    assert begun == [(2, 4, pytest.approx(0.005)), (3, 6, pytest.approx(0.005))]
    same(again.student.get_weights(), whole.student.get_weights())


def test_weights_of_a_student_alone_are_the_distillers_too(
    distiller, tiny_network, tmp_path
):
    path = tmp_path / "student.weights.h5"
    built = distiller()
    built.optimizer.build(built.trainable_variables)
    built.save_weights(path)
    student = tiny_network(seed=7)
    student.load_weights(path)
    same(student.get_weights(), built.student.get_weights())
    assert getattr(built.student, "optimizer", None) is None


def regularised(factor):
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(6, 4, strides=4, kernel_regularizer="l2")(images)
    x = keras.layers.ActivityRegularization(l2=factor)(x)
    return keras.Model(images, keras.layers.Conv2D(16, 1)(x))


@pytest.mark.parametrize("eager", [True, False])
def test_regularisers_of_the_student_count(distiller, batch, dataset, eager):
    student = regularised(0.1)
    built = distiller(student, regularised(1.0), eager=eager)
    stack = student(batch[0])
    kernel = student.layers[1].kernel.numpy()
    activity = 0.1 * np.square(student.layers[1](batch[0])).sum() / 5
    expected = 0.01 * np.square(kernel).sum() + activity
    assert expected > 1
    last = built.teacher_heatmaps(batch[0])
    plain, of_truth, _ = fpd_loss([stack], *batch[1:], last, 0.5)
    logs = fit(built, dataset)
    np.testing.assert_allclose(logs["loss"], plain + expected, rtol=1e-5)
    np.testing.assert_allclose(logs["student_loss"], of_truth, rtol=1e-5)
    assert np.abs(student.layers[1].kernel - kernel).max() > 0


def test_a_callback_may_change_the_distillation_weight(distiller, dataset):
    class Fade(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.distillation_weight = [1.0, 0.25][epoch]

    built = distiller(optimizer=keras.optimizers.SGD(0.0), eager=False)
    logs = fit(built, dataset, 2, callbacks=[Fade()])
    truth, teacher = logs["student_loss"][0], logs["distillation_loss"][0]
    expected = [teacher, 0.25 * teacher + 0.75 * truth]
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
    assert built.distillation_weight == 0.25
    with pytest.raises(InputError, match="within"):
        built.distillation_weight = 2


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("part", ["truth", "teacher"])
def test_what_has_weight_0_may_be_no_number(distiller, batch, told, part, eager):
    images, heatmaps, weights = batch
    built = distiller(teacher=None, eager=eager)
    words, believed = np.copy(told[0]), told[1]
    heatmaps = np.copy(heatmaps)
    if part == "truth":
        heatmaps[weights[:, None, None] * np.ones((5, 8, 8, 1)) == 0] = np.nan
        assert np.isnan(heatmaps).any()
    else:
        words[2, :, :, 5] = np.nan
    broken = (images, heatmaps, weights, (words, believed))
    plain = (*batch, told)
    results = []
    for data in (broken, plain):
        built = distiller(teacher=None, eager=eager)
        logs = fit(built, tf.data.Dataset.from_tensors(data), 2)
        results.append([*logs["loss"], *built.student.get_weights()])
    same(*results)


@pytest.mark.parametrize("kind", ["float64", "float16", "int64", "bool"])
def test_numbers_of_any_type_are_taken_as_keras_takes_them(distiller, batch, kind):
    images, heatmaps, weights = batch
    whole = heatmaps > 0.5, weights > 0
    logs = []
    for dtype in ("float32", kind):
        parts = [part.astype(dtype) for part in whole]
        for settings in ({}, {"teach_unlabelled": False}, {"teacher": None}):
            built = distiller(**settings)
            logs += [
                built.train_on_batch(images, *parts, return_dict=True)["loss"],
                built.test_on_batch(images, *parts, return_dict=True)["loss"],
            ]
        kept = tf.data.Dataset.from_tensors((images, *parts, tuple(parts)))
        logs += fit(distiller(teacher=None), kept)["loss"]
    same(logs[:7], logs[7:])


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda x, y, w, t: (x, y[..., :1], w), r"batch: heatmaps: .*8, 16\).*8, 1\)"),
        (lambda x, y, w, t: (x, y[:, :4], w), r"batch: heatmaps: .*4, 8, 16\)"),
        (lambda x, y, w, t: (x, y, w[:, None, None]), r"weights: .*16\).*1, 1, 16\)"),
        (lambda x, y, w, t: (x, y, w[:, 0]), r"joint weights: .*5, 16\).*\(5,\)"),
        (lambda x, y, w, t: (x, (y, y), (w, w)), "heatmaps: .*Received: tuple"),
        (lambda x, y, w, t: x, "heatmaps: .*Received: NoneType"),
        (lambda x, y, w, t: (x, y, w, (t[0], t[1][:, :1])), r"teacher's part.*5, 1\)"),
        (lambda x, y, w, t: (x, y, w, *t), r"batch: expected \(images, .*: 5 parts"),
        (lambda x, y, w, t: (x, y, w, t[0]), r"fourth part: expected \(teacher_hea"),
        (lambda x, y, w, t: (x, y, w, t[:1]), "fourth part: .*Received: tuple"),
    ],
)
def test_a_batch_of_other_shapes_is_refused(distiller, batch, told, spoil, said):
    data = tf.data.Dataset.from_tensors(spoil(*batch, told))
    with pytest.raises(InputError, match=said):
        fit(distiller(), data)


def test_a_loss_of_compile_is_refused(distiller, dataset):
    built = distiller()
    built.compile("adam", "mse", run_eagerly=True)
    with pytest.raises(InputError, match="compile: loss: .* override compute_loss"):
        fit(built, dataset)


class FeatureDistiller(fpd.Distiller):
    """Has a layer of its own, which the loss sees, as FitNets (2014) adapt features."""

    def __init__(self, **how):
        super().__init__(**how)
        self.adapt = keras.layers.Dense(1, use_bias=False)
        self.adapt.build((None, 3))

    def call(self, images, training=None):
        self.seen = self.adapt(images)
        return super().call(images, training=training)

    def compute_loss(self, *batch, **how):
        own = keras.ops.mean(keras.ops.square(self.seen - 1))
        return super().compute_loss(*batch, **how) + own

    @property
    def trainable_weights(self):
        return [*self.student.trainable_weights, *self.adapt.trainable_weights]


def test_a_subclass_trains_layers_of_its_own(tiny_network, dataset):
    built = FeatureDistiller(student=tiny_network())
    built.compile("adam", run_eagerly=True)
    before = [weight.numpy().copy() for weight in built.trainable_weights]
    fit(built, dataset)
    moved = [
        (weight.numpy() != old).any()
        for weight, old in zip(built.trainable_weights, before, strict=True)
    ]
    assert moved[-1] and all(moved)


def test_a_sequential_network_is_a_student_and_a_teacher(dataset):
    def network():
        heatmaps = keras.layers.Conv2D(16, 4, strides=4)
        return keras.Sequential([keras.Input((32, 32, 3)), heatmaps])

    built = fpd.Distiller(teacher=network(), student=network())
    built.compile("adam", run_eagerly=True)
    assert fit(built, dataset)["loss"][0] > 0


def network_of(outputs, size=32):
    images = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(6, 4, strides=4)(images)
    return keras.Model(images, outputs(x))


class Subclassed(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    "student, said",
    [
        (
            network_of(lambda x: [keras.layers.Conv2D(k, 1)(x) for k in (1, 16)]),
            r"student: shapes: .*heatmaps only.*\(8, 8, 1\), \(8, 8, 16\)",
        ),
        (network_of(keras.layers.Flatten()), r"student: shapes: .*\(384,\)"),
        (
            network_of(lambda x: {"heatmaps": keras.layers.Conv2D(16, 1)(x)}),
            "student: outputs: .*dictionary of heatmaps",
        ),
        (Subclassed(), "student: .*Functional.*Received: Subclassed, which does"),
        ("student.keras", r"student: .*network.*str; load_network\(path\)"),
    ],
)
def test_a_student_of_another_kind_is_refused(student, said):
    with pytest.raises(InputError, match=said):
        fpd.Distiller(student=student)


def test_a_path_for_a_teacher_is_refused(tiny_network):
    with pytest.raises(InputError, match=r"teacher: .*load_network\(path\)"):
        fpd.Distiller(student=tiny_network(), teacher="teacher.keras")


def test_students_of_any_size_fit(distiller, dataset, batch):
    built = distiller(network_of(keras.layers.Conv2D(16, 1), size=None))
    assert fit(built, dataset)["loss"][0] > 0
    with pytest.raises(InputError, match="batch: heatmaps"):
        built.compute_loss(batch[0], batch[1][:, :4], built(batch[0]), batch[2])


def test_a_distiller_is_built_again_from_its_config(distiller, dataset):
    settings = {"distillation_weight": 0.75, "teach_unlabelled": False}
    built = distiller(distance=joints_cross_entropy, **settings)
    again = fpd.Distiller.from_config(json.loads(json.dumps(built.get_config())))
    assert (again.distillation_weight, again.teach_unlabelled) == (0.75, False)
    assert again.distance is joints_cross_entropy and again.teacher.name == "teacher"
    for model in (again, keras.models.clone_model(built)):
        model.student.set_weights(built.student.get_weights())
        model.teacher.set_weights(built.teacher.get_weights())
        model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
        same(model.get_weights(), built.get_weights())
    assert fit(again, dataset) == fit(model, dataset)


def test_inputs_summary_and_export_are_the_students(distiller, batch, tmp_path, capsys):
    built = distiller()
    assert built.inputs == built.student.inputs
    assert built.outputs == built.student.outputs
    built.summary()
    assert "tiny" in capsys.readouterr().out
    built.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    answer = exported.serve(batch[0])
    np.testing.assert_allclose(answer, built.student(batch[0]), atol=1e-5)
