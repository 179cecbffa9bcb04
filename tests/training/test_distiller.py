"""Most steps run eagerly: tracing is what costs. B = 5 people, H = W = 8, K = 16."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.models.mobilenet import mobilenet_pose
from fpd_tf.models.precision import with_precision
from fpd_tf.models.stacks import as_stacks
from fpd_tf.training.losses import joints_cross_entropy, joints_mse, stacks_loss


@pytest.fixture(scope="module")
def dataset(batch):
    """Batches of 2, 2 and 1."""
    return tf.data.Dataset.from_tensor_slices(batch).batch(2)


@pytest.fixture(scope="module")
def teacher(tiny_network):
    return tiny_network(num_stacks=2, seed=10, name="teacher")


@pytest.fixture
def distill(teacher, tiny_network):
    """Builds a compiled Distiller of a fresh student; eager unless told."""

    def build(
        num_stacks=2,
        weight=0.5,
        distance=joints_mse,
        optimizer=None,
        teach_unlabelled=True,
        **compile_args,
    ):
        distiller = fpd.Distiller(
            teacher=teacher,
            student=tiny_network(num_stacks=num_stacks),
            distillation_weight=weight,
            distance=distance,
            teach_unlabelled=teach_unlabelled,
        )
        compile_args = {"run_eagerly": True, "jit_compile": False, **compile_args}
        distiller.compile(optimizer or keras.optimizers.Adam(0.01), **compile_args)
        return distiller

    return build


def fit(model, dataset, epochs=1, **kwargs):
    return model.fit(dataset, epochs=epochs, verbose=0, shuffle=False, **kwargs).history


def values(variables):
    return [variable.numpy().copy() for variable in variables]


def assert_same(one, other, tolerance=0.0):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance)


@pytest.mark.parametrize("use_ema", [False, True])
def test_the_teacher_is_bit_identical_after_training(
    distill, dataset, teacher, use_ema
):
    optimizer = keras.optimizers.Adam(0.01, use_ema=use_ema, ema_momentum=0.5)
    distiller = distill(optimizer=optimizer)
    before = values(teacher.variables), values(distiller.student.variables)
    fit(distiller, dataset, epochs=2)
    assert_same(before[0], values(teacher.variables))
    assert teacher.trainable_variables
    for one, other in zip(before[1], distiller.student.variables, strict=True):
        assert not np.array_equal(one, other)


def test_running_averages_become_the_students_weights(distill, dataset):
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)
    averaged, plain = distill(optimizer=optimizer), distill()
    for distiller in (averaged, plain):
        fit(distiller, dataset)
    for one, other in zip(
        averaged.student.trainable_variables,
        plain.student.trainable_variables,
        strict=True,
    ):
        assert not np.array_equal(one, other)


def test_weight_0_is_plain_training_step_for_step(distill, dataset, tiny_network):
    distiller = distill(weight=0.0)
    plain = tiny_network(num_stacks=2)
    plain.compile(keras.optimizers.Adam(0.01), loss=[joints_mse] * 2, run_eagerly=True)
    doubled = dataset.map(lambda x, y, w: (x, (y, y), (w, w)))
    steps = [[], []]

    class Steps(keras.callbacks.Callback):
        def __init__(self, kept):
            super().__init__()
            self.kept = kept

        def on_train_batch_end(self, batch, logs=None):
            model = getattr(self.model, "student", self.model)
            self.kept.append([logs["loss"], *values(model.variables)])

    logs = fit(distiller, dataset, 2, callbacks=[Steps(steps[0])])
    expected = fit(plain, doubled, 2, callbacks=[Steps(steps[1])])
    assert len(steps[0]) == len(steps[1]) == 6
    for step, expected_step in zip(*steps, strict=True):
        np.testing.assert_allclose(step[0], expected_step[0], rtol=1e-6)
        assert_same(step[1:], expected_step[1:], 1e-6)
    assert logs["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert logs["student_loss"] == logs["loss"]


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_a_joint_without_label_gets_gradient_from_the_teacher_alone(
    distill, batch, teacher, weight
):
    images, heatmaps, weights = map(tf.constant, batch)
    distiller = distill(num_stacks=1, weight=weight)
    stack = as_stacks(distiller.student(images))[0]
    soft = as_stacks(teacher(images, training=False))[-1]
    with tf.GradientTape() as tape:
        tape.watch(stack)
        loss = distiller.compute_loss(images, heatmaps, stack, weights)
    gradient = tape.gradient(loss, stack)
    # of the mean over B K = 5 * 16 squared distances
    from_teacher = weight * 2 * (stack - soft) / 80
    from_truth = (1 - weight) * 2 * (stack - heatmaps) / 80
    unlabelled = weights.numpy() == 0
    assert unlabelled.sum() == 6
    expected = from_teacher + from_truth * weights[:, None, None, :]
    np.testing.assert_allclose(gradient, expected, atol=1e-7)
    gradient, from_teacher = (
        np.moveaxis(maps, -1, 1)[unlabelled]
        for maps in (gradient.numpy(), from_teacher.numpy())
    )
    np.testing.assert_allclose(gradient, from_teacher, atol=1e-7)
    assert gradient.any() == (weight > 0)


def test_the_teacher_can_be_kept_from_joints_without_a_label(distill, batch):
    images, heatmaps, weights = map(tf.constant, batch)
    distiller = distill(num_stacks=1, teach_unlabelled=False)
    stack = as_stacks(distiller.student(images))[0]
    with tf.GradientTape() as tape:
        tape.watch(stack)
        loss = distiller.compute_loss(images, heatmaps, stack, weights)
    of_joints = np.abs(tape.gradient(loss, stack)).max(axis=(1, 2))
    np.testing.assert_array_equal(of_joints > 0, weights.numpy() > 0)


def test_images_without_any_label_are_learned_from_the_teacher(distill, batch, teacher):
    images, heatmaps, weights = batch
    nothing = np.zeros_like(weights)
    results = []
    for labels in (heatmaps, np.zeros_like(heatmaps)):
        dataset = tf.data.Dataset.from_tensors((images, labels, nothing))
        distiller = distill(num_stacks=1, optimizer=keras.optimizers.Adam(0.05))
        logs = fit(distiller, dataset, epochs=12)
        results.append(values(distiller.student.variables))
    assert logs["student_loss"] == [0.0] * 12
    assert logs["distillation_loss"][-1] < 0.3 * logs["distillation_loss"][0]
    assert_same(*results)


def test_every_stack_of_the_student_learns_the_teachers_last(distill, batch, teacher):
    images, heatmaps, weights = batch
    distiller = distill(num_stacks=3, weight=0.25)
    stacks = distiller.student(images)
    _, last = teacher(images, training=False)
    assert_same([distiller.teacher_heatmaps(images)], [last])
    loss = distiller.compute_loss(images, heatmaps, stacks, weights)
    taught = stacks_loss(stacks, last, np.ones_like(weights))
    expected = 0.25 * taught + 0.75 * stacks_loss(stacks, heatmaps, weights)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_a_one_stack_student_of_a_one_stack_teacher(tiny_network, dataset, batch):
    # A bare tensor taken for a list would be walked along the batch.
    teacher, student = tiny_network(seed=5), tiny_network()
    distiller = fpd.Distiller(teacher=teacher, student=student)
    images, heatmaps, weights = batch
    soft = distiller.teacher_heatmaps(images)
    assert soft.shape == (5, 8, 8, 16)
    (bare,) = as_stacks(student(images))
    loss = distiller.compute_loss(images, heatmaps, student(images), weights)
    squares = np.square(bare - heatmaps).sum(axis=(1, 2)) * weights
    soft_squares = np.square(bare - soft).sum(axis=(1, 2))
    expected = 0.5 * squares.mean() + 0.5 * soft_squares.mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("family", ["hourglass", "mobilenet"])
def test_teacher_and_student_of_other_stacks_and_families(family, tiny_network):
    images = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    heatmaps = np.zeros((2, 16, 16, 16), np.float32)
    teacher = tiny_network(num_stacks=8, input_size=64)
    if family == "hourglass":
        student = fpd.stacked_hourglass(
            num_stacks=1, num_features=4, depth=1, input_size=64, stem_width=4
        )
    else:
        student = mobilenet_pose(alpha=0.35, num_features=8, input_size=64)
    distiller = fpd.Distiller(teacher=teacher, student=student)
    distiller.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    before = values(student.trainable_variables)
    logs = fit(distiller, tf.data.Dataset.from_tensors((images, heatmaps)), epochs=2)
    assert logs["loss"][1] < logs["loss"][0]
    for one, other in zip(before, student.trainable_variables, strict=True):
        assert not np.array_equal(one, other) or "bias" in other.path


def test_evaluate_scores_the_student_and_leaves_everything_as_it_was(
    distill, dataset, monkeypatch
):
    distiller = distill()
    fit(distiller, dataset)
    before = values(distiller.variables + distiller.optimizer.variables)

    def refuse(*args, **kwargs):
        raise AssertionError("the teacher ran")

    monkeypatch.setattr(distiller.teacher, "call", refuse)
    logs = distiller.evaluate(dataset, verbose=0, return_dict=True)
    assert_same(before, values(distiller.variables + distiller.optimizer.variables))

    student = distiller.student
    student.compile(loss=[joints_mse] * 2, run_eagerly=True)
    doubled = dataset.map(lambda x, y, w: (x, (y, y), (w, w)))
    expected = student.evaluate(doubled, verbose=0, return_dict=True)
    assert list(logs) == ["loss"]
    assert logs["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    answers = distiller.predict(dataset, verbose=0)
    assert [answer.shape for answer in answers] == [(5, 8, 8, 16)] * 2


def test_metrics_of_compile_see_the_last_stack(distill, dataset, batch):
    distiller = distill(metrics=["mse"])
    logs = distiller.evaluate(dataset, verbose=0, return_dict=True)
    _, last = distiller.student(batch[0])
    assert logs["mse"] == pytest.approx(np.square(last - batch[1]).mean(), rel=1e-5)
    logs = fit(distiller, dataset, validation_data=dataset)
    assert set(logs) == {
        *("loss", "student_loss", "distillation_loss", "mse"),
        *("val_loss", "val_mse"),
    }


def test_fit_in_graph_with_callbacks_keeps_the_student_alone(
    distill, dataset, batch, tmp_path
):
    distiller = distill(
        optimizer=keras.optimizers.Adam(0.5), run_eagerly=False
    )  # a rate at which losses go up as well as down
    best, weights = tmp_path / "best.keras", tmp_path / "last.weights.h5"
    logs = fit(
        distiller,
        dataset,
        epochs=6,
        validation_data=dataset,
        callbacks=[
            keras.callbacks.ModelCheckpoint(best, "val_loss", save_best_only=True),
            keras.callbacks.ModelCheckpoint(weights, save_weights_only=True),
            keras.callbacks.BackupAndRestore(tmp_path / "backup"),
            keras.callbacks.ReduceLROnPlateau("val_loss", 0.1, patience=1),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.EarlyStopping(
                "val_loss", patience=6, restore_best_weights=True
            ),
        ],
    )
    with (tmp_path / "log.csv").open() as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert losses == pytest.approx(logs["val_loss"])
    loaded = keras.models.load_model(best)
    assert loaded.name == "tiny"
    assert loaded.count_params() == distiller.student.count_params()
    loss = stacks_loss(loaded(batch[0]), batch[1], batch[2])
    np.testing.assert_allclose(loss, min(losses), rtol=1e-5)
    loss = distiller.evaluate(dataset, verbose=0)
    np.testing.assert_allclose(loss, min(losses), rtol=1e-5)
    distiller.load_weights(weights)
    loss = distiller.evaluate(dataset, verbose=0)
    np.testing.assert_allclose(loss, losses[-1], rtol=1e-5)


def test_saving_stores_the_student_alone(distill, tmp_path, batch):
    distiller = distill()
    distiller.save(tmp_path / "student.keras")
    loaded = keras.models.load_model(tmp_path / "student.keras")
    assert_same(loaded(batch[0]), distiller.student(batch[0]))
    distiller.save_weights(tmp_path / "student.weights.h5")
    distiller.student.set_weights([0 * value for value in loaded.get_weights()])
    loaded.load_weights(tmp_path / "student.weights.h5")
    distiller.load_weights(tmp_path / "student.weights.h5")
    assert_same(loaded.get_weights(), distiller.student.get_weights())


def test_compiled_by_xla_it_trains_the_same(distill, dataset):
    results = []
    for compiled in ({"run_eagerly": False, "jit_compile": True}, {}):
        distiller = distill(optimizer=keras.optimizers.SGD(1e-3), **compiled)
        logs = fit(distiller, dataset.take(2))
        results.append([logs["loss"], *values(distiller.student.variables)])
    assert distiller.jit_compile is False
    assert_same(*results, tolerance=1e-4)


def test_mixed_precision_trains_float32_weights(tiny_network, teacher, dataset):
    distiller = fpd.Distiller(
        teacher=with_precision(teacher, "mixed_bfloat16"),
        student=with_precision(tiny_network(num_stacks=2), "mixed_bfloat16"),
    )
    distiller.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    logs = fit(distiller, dataset, epochs=8)
    assert distiller.student.get_layer("conv").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in distiller.student.weights} == {"float32"}
    assert logs["loss"][-1] < 0.8 * logs["loss"][0]


def test_the_distance_is_that_of_the_teachers_term(distill, batch):
    images, heatmaps, weights = batch
    distiller = distill(num_stacks=1, weight=1.0, distance=joints_cross_entropy)
    (stack,) = as_stacks(distiller.student(images))
    loss = distiller.compute_loss(images, heatmaps, stack, weights)
    expected = joints_cross_entropy(distiller.teacher_heatmaps(images), stack)
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-6)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"num_joints": 14}, r"^teacher: heatmaps: .*8, 8, 14.*8, 8, 16"),
        ({"input_size": 64}, r"^teacher: images: .*64, 64, 3.*32, 32, 3"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(
    tiny_network, teacher, settings, message
):
    with pytest.raises(InputError, match=message):
        fpd.Distiller(teacher=teacher, student=tiny_network(**settings))


@pytest.mark.parametrize("field", ["distance", "student_distance"])
def test_a_distance_that_is_no_function_is_refused(tiny_network, field):
    with pytest.raises(InputError, match=f"^{field}: .*joints_mse. Received: 'mse'"):
        fpd.Distiller(student=tiny_network(), **{field: "mse"})


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), "0.5", None])
def test_a_weight_out_of_range_is_refused(tiny_network, teacher, weight):
    with pytest.raises(InputError, match="^distillation_weight: .*Received"):
        fpd.Distiller(
            teacher=teacher, student=tiny_network(), distillation_weight=weight
        )
