import dataclasses
import json
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import fpd_tf as fpd
from fpd_tf.data.pipeline import DataConfig, make_dataset
from fpd_tf.errors import GateError, InputError
from fpd_tf.export import fine_tune as module
from fpd_tf.export.audit import audit_tflite
from fpd_tf.export.calibrate import calibration_crops
from fpd_tf.export.convert import export_tflite, to_tflite
from fpd_tf.export.fine_tune import (
    FineTuning,
    FineTuningConfig,
    collapsed_target,
    fake_quantized,
    fine_tuning_config,
    prune,
    quantization_aware,
    twin,
)
from fpd_tf.export.fold import folded
from fpd_tf.export.quantize import quantized, tensor_ranges
from fpd_tf.models.efficientnet import efficientnet_pose
from fpd_tf.models.hourglass import stacked_hourglass
from fpd_tf.models.mobilenet import mobilenet_pose
from fpd_tf.models.movenet import movenet_pose
from fpd_tf.predictors.load import load_predictor
from fpd_tf.training.losses import fpd_loss, joints_mse

SIZE = 32
PLAIN = DataConfig(
    input_size=SIZE, batch_size=4, scale=(1, 1), rotation=0, flip=0, sigma=1
)


def quick(**settings):
    settings = {"epochs": 1, "learning_rate": 1e-3, "data": PLAIN} | settings
    return FineTuningConfig(**settings)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("people") / "mpii", count=15, seed=0)
    return fpd.load_mpii(root, split="train")[:12]


@pytest.fixture(scope="module")
def student():
    """Every kind of layer, with channels of very different sizes."""
    layers = keras.layers
    image = layers.Input((SIZE, SIZE, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(layers.Rescaling(2.0, -1.0)(image))
    x = layers.ReLU(6.0)(layers.Conv2D(8, 3, strides=2)(x))
    half = layers.MaxPooling2D()(layers.DepthwiseConv2D(3, padding="same")(x))
    both = layers.Add()([layers.UpSampling2D()(half), x])
    heatmaps = layers.Conv2D(16, 1)(layers.MaxPooling2D()(both))
    model = keras.Model(image, heatmaps, name="student")
    random = np.random.default_rng(0)
    for weight in model.weights:
        sizes = 10 ** random.uniform(-2, 0, weight.shape[-2:])
        weight.assign(random.normal(0, 1, weight.shape) * sizes[..., :])
    return model


@pytest.fixture(scope="module")
def teacher():
    """Heatmaps within [0, 1], as a trained network's are."""
    keras.utils.set_random_seed(1)
    image = keras.Input((SIZE, SIZE, 3))
    heatmaps = keras.layers.Conv2D(16, 9, 4, "same", activation="sigmoid")(image)
    return keras.Model(image, heatmaps)


def run(content, images):
    runner = Interpreter(model_content=content).get_signature_runner()
    return np.concatenate([runner(image=image[None])["heatmaps"] for image in images])


def test_the_fake_quantized_network_computes_what_the_int8_file_does(student, people):
    network = folded(student)
    crops = np.round(255 * calibration_crops(people, SIZE, 12)) / np.float32(255)
    plain = to_tflite(network)
    ranges = tensor_ranges(plain, crops)
    fake = fake_quantized(network, ranges.by_layer(95))
    received, expected = fake(crops).numpy(), run(quantized(plain, ranges, 95), crops)
    code = np.diff(np.unique(expected)).min()
    apart = np.abs(received - expected) / code
    assert np.mean(apart < 0.01) > 0.85 and apart.max() < 2.5
    assert np.mean(np.abs(run(plain, crops) - expected)) > 4 * code * apart.mean()


def test_a_sigmoid_on_the_heatmaps_is_rounded_in_its_range():
    network = folded(movenet_pose(width=0.25, num_joints=5, input_size=SIZE))
    ranges = {layer.name: (-4.0, 4.0) for layer in network.layers}
    fake = fake_quantized(network, ranges | {"heatmaps": (0.0, 255 / 64)})
    codes = 64 * fake(np.ones((1, SIZE, SIZE, 3), np.float32)).numpy()
    assert 0 < codes.min() and codes.max() < 64
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-3)


def test_the_twin_is_the_same_network(student, people):
    network, crops = folded(student), calibration_crops(people, SIZE, 4)
    copy = twin(network)
    assert [each.name for each in copy.layers] == [each.name for each in network.layers]
    np.testing.assert_allclose(copy(crops), network(crops), rtol=1e-4, atol=1e-4)
    for weights in copy.trainable_weights:
        weights.assign(0 * weights)
    assert network.get_weights()[0].any()


def test_a_kernel_is_rounded_by_channel_and_its_zeros_learn_nothing():
    kernel = tf.Variable([[12.7, 1.27], [3.14, 0.0], [-0.04, -0.314]])
    with tf.GradientTape() as tape:
        rounded = module._ByChannel(2)(kernel, True, {})
        total = tf.reduce_sum(rounded)
    np.testing.assert_allclose(rounded, [[12.7, 1.27], [3.1, 0], [0, -0.31]], rtol=1e-5)
    np.testing.assert_array_equal(
        tape.gradient(total, kernel), [[1, 1], [1, 0], [1, 1]]
    )
    depthwise = np.float32(np.stack([[1.0, 10.0], [0.503, 5.03]])[:, None, :, None])
    rounded = module._ByChannel(2)(tf.constant(depthwise), True, {})
    steps = np.array([1.0, 10.0]) / 127
    np.testing.assert_allclose(np.ravel(rounded[1]), 64 * steps, rtol=1e-5)


def losses_of(network, people, fine_tuning):
    import tf_keras

    seen = []

    class Watch(tf_keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["loss"])

    fine_tuning.teach(twin(network), people, [Watch()])
    return seen


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_collapsed_target_has_the_two_term_loss_gradient(weight):
    random = np.random.default_rng(0)
    truth, soft, guess = random.random((3, 2, 4, 4, 5)).astype(np.float32)
    joint_weights = np.float32(random.random((2, 5)) > 0.4)
    guess = tf.Variable(guess)
    with tf.GradientTape(persistent=True) as tape:
        both, _, _ = fpd_loss([guess], truth, joint_weights, soft, weight)
        target, weights = collapsed_target(truth, joint_weights, soft, weight)
        one = tf.reduce_mean(weights * joints_mse(target, guess))
    np.testing.assert_allclose(
        tape.gradient(one, guess), tape.gradient(both, guess), rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("taught", [True, False])
def test_the_loss_is_that_of_fast_pose_distillation(
    taught, student, teacher, people, tmp_path
):
    data = DataConfig(**{**PLAIN.__dict__, "batch_size": 12})
    config = quick(learning_rate=1e-12, data=data, distillation_weight=0.3)
    fine_tuning = FineTuning(config, teacher if taught else None, cache=tmp_path)
    (loss,) = losses_of(folded(student), people, fine_tuning)
    batches = make_dataset(people, data, training=True).as_numpy_iterator()
    ((images, heatmaps, weights),) = batches
    weight = 0.3 if taught else 0.0
    soft = np.asarray(teacher(images))
    truth = (1 - weight) * weights[:, None, None, :]
    target = (weight * soft + truth * heatmaps) / np.maximum(weight + truth, 1e-9)
    expected, least = (
        float(fpd_loss([stack], heatmaps, weights, soft, weight)[0])
        for stack in (np.asarray(student(images)), target)
    )
    assert loss == pytest.approx(expected - least, rel=1e-2)


def test_training_moves_the_int8_file_towards_the_teacher(
    student, teacher, people, tmp_path
):
    config = quick(epochs=8, learning_rate=1e-2, distillation_weight=1)
    fine_tuning = FineTuning(config, teacher, cache=tmp_path / "cache")
    files = {
        quantization: export_tflite(
            student,
            tmp_path / f"{quantization}.tflite",
            quantization=quantization,
            samples=people,
            calibration_count=8,
            **options,
        )
        for quantization, options in {
            "int8": {},
            "qat": {"fine_tuning": fine_tuning},
        }.items()
    }
    crops = calibration_crops(people, SIZE, 12)
    wanted = np.asarray(teacher(crops))
    before, after = (
        np.mean((load_predictor(file).heatmaps(crops) - wanted) ** 2)
        for file in files.values()
    )
    assert after < 0.7 * before
    assert sorted(each.name for each in (tmp_path / "cache").iterdir())
    audits = [audit_tflite(file) for file in files.values()]
    assert audits[1].float_operators == () and audits[1].problems == []
    assert audits[1].operators == audits[0].operators
    assert (audits[1].inputs, audits[1].outputs) == (
        audits[0].inputs,
        audits[0].outputs,
    )


FAMILIES = {
    "hourglass": (
        stacked_hourglass,
        {"num_stacks": 1, "num_features": 8, "depth": 2, "stem_width": 8},
    ),
    "mobilenet": (mobilenet_pose, {"num_features": 8, "alpha": 0.35}),
    "efficientnet": (efficientnet_pose, {"num_features": 8, "coarsest": 16}),
    "movenet": (movenet_pose, {"width": 0.25, "blocks": 14}),
}


def test_heatmaps_may_rise_to_the_peak_of_the_truth(student, people, monkeypatch):
    network, seen = folded(student), {}

    def watched(network, ranges):
        seen.update(ranges)
        return fake_quantized(network, ranges)

    monkeypatch.setattr(module, "fake_quantized", watched)
    monkeypatch.setattr(FineTuning, "teach", lambda *_: None)
    narrow = {layer.name: (-0.1, 0.2) for layer in network.layers}
    before = [weight.copy() for weight in network.get_weights()]
    quantization_aware(network, narrow, people, FineTuning())
    assert seen == narrow | {"heatmaps": (-0.1, 1.0)}
    for one, other in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_every_family_goes_through(family, sparsity, teacher, people, tmp_path):
    build, narrow = FAMILIES[family]
    path = export_tflite(
        build(input_size=SIZE, **narrow),
        tmp_path / "student.tflite",
        quantization="qat",
        io="uint8",
        samples=people,
        calibration_count=4,
        fine_tuning=FineTuning(quick(), teacher, sparsity, cache=tmp_path / "cache"),
    )
    audit = audit_tflite(path)
    assert audit.float_operators == () and audit.inputs[0].dtype == "uint8"


def zeros(kernel):
    return np.mean(kernel == 0)


def test_pruning_empties_half_of_each_convolution_and_it_stays_empty(
    student, people, tmp_path
):
    network, fine_tuning = folded(student), FineTuning(quick(epochs=2), sparsity=0.5)
    prune(network, people, fine_tuning)
    for layer in network.layers:
        if layer.get_weights():
            share = zeros(layer.get_weights()[0])
            of_all = 0.5 if type(layer).__name__ == "Conv2D" else 0.0
            assert share == pytest.approx(of_all, abs=0.01), layer.name
    path = export_tflite(
        student,
        tmp_path / "student.tflite",
        quantization="qat",
        samples=people,
        calibration_count=4,
        fine_tuning=fine_tuning,
    )
    interpreter = Interpreter(str(path))
    shares = [
        zeros(interpreter.get_tensor(tensor["index"]))
        for tensor in interpreter.get_tensor_details()
        if len(tensor["shape"]) == 4
        and tensor["quantization_parameters"]["scales"].size > 1
        and tensor["shape"][0] > 1
    ]
    assert len(shares) == 2 and min(shares) > 0.45


def test_the_library_leaves_keras_and_the_environment_alone(student, people):
    network = folded(student)
    fake_quantized(network, {layer.name: (-1.0, 1.0) for layer in network.layers})
    assert "TF_USE_LEGACY_KERAS" not in os.environ
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert keras.Model.__module__.startswith("keras.")


def test_settings_start_from_the_networks_own_run(tmp_path):
    run = tmp_path / "config.json"
    own = {"data": {"input_size": 128, "sigma": 1.25}, "distillation_weight": 0.2}
    run.write_text(json.dumps({"config": own | {"learning_rate": 7}}))
    config = fine_tuning_config(run, ["epochs=2", "data.batch_size=3"])
    assert (config.data.sigma, config.data.batch_size) == (1.25, 3)
    assert (config.epochs, config.distillation_weight) == (2, 0.2)
    assert config.learning_rate == FineTuningConfig().learning_rate
    assert fine_tuning_config(tmp_path / "none.json") == FineTuningConfig()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optimizer=rmsprop", "--set: optimizer: expected a field of fine-tuning"),
        ("epochs=0", "--set: epochs: expected greater than 0"),
        ("data.size=3", "--set: data.size: expected a field of fine-tuning"),
    ],
)
def test_settings_without_use_are_refused(setting, said, tmp_path):
    with pytest.raises(InputError, match=said):
        fine_tuning_config(tmp_path / "config.json", [setting])


def test_a_damaged_run_is_named(tmp_path):
    run = tmp_path / "config.json"
    run.write_text('{"config": {}}')
    with pytest.raises(InputError, match="config.json: config: expected the settings"):
        fine_tuning_config(run)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"teacher": "t.keras"},
            "fine_tuning: quantization: expected qat, or a sparsity above 0. .* none",
        ),
        (
            {"sparsity": 0.5},
            "data.input_size: expected the network's 32. Received: 256",
        ),
        ({"sparsity": 0.5, "config": quick(), "teacher": "t.keras"}, "t.keras"),
        (
            {"sparsity": 0.5, "config": quick(data=DataConfig(SIZE, batch_size=13))},
            "at least one batch of 13 people. Received: 12",
        ),
    ],
)
def test_what_does_not_fit_is_refused(options, said, student, people, tmp_path):
    path, fine_tuning = tmp_path / "student.tflite", FineTuning(**options)
    with pytest.raises(InputError, match=said):
        export_tflite(student, path, samples=people, fine_tuning=fine_tuning)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_the_weights_is_less_than_all():
    with pytest.raises(
        InputError, match=r"sparsity: .* within \[0, 1\). Received: 1.0"
    ):
        FineTuning(sparsity=1.0)


def test_nobody_to_learn_from_is_refused(student, tmp_path):
    fine_tuning = FineTuning(quick(), sparsity=0.5)
    with pytest.raises(InputError, match="samples: expected people to train on"):
        export_tflite(student, tmp_path / "a.tflite", fine_tuning=fine_tuning)


def test_a_teacher_of_other_joints_is_refused(student, people, tmp_path):
    image = keras.Input((SIZE, SIZE, 3))
    other = keras.Model(image, keras.layers.Conv2D(14, 1, 4)(image), name="other")
    fine_tuning = FineTuning(quick(), other, cache=tmp_path)
    with pytest.raises(InputError, match="other: heatmaps: expected the student's"):
        fine_tuning.teach(twin(folded(student)), people)


def test_a_photograph_that_vanishes_while_it_trains_is_named(student, people, tmp_path):
    gone = shutil.copy(people[3].image_path, tmp_path / "gone.jpg")
    lost = dataclasses.replace(people[3], image_path=gone)
    samples = people.of([lost, *people[4:8]])
    gone.unlink()
    with pytest.raises(InputError, match=f"^{gone}: expected a whole photograph"):
        FineTuning(quick(epochs=30)).teach(twin(folded(student)), samples)


def test_a_loss_that_grows_beyond_numbers_stops_the_export(student, people, tmp_path):
    path = tmp_path / "student.tflite"
    path.write_bytes(b"old")
    fine_tuning = FineTuning(quick(learning_rate=1e30, epochs=2), sparsity=0.5)
    with pytest.raises(GateError, match="no longer finite; try a lower learning_rate"):
        export_tflite(student, path, samples=people, fine_tuning=fine_tuning)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_an_interrupted_training_leaves_the_old_file(
    student, people, tmp_path, monkeypatch
):
    path = tmp_path / "student.tflite"
    path.write_bytes(b"old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(FineTuning, "teach", interrupt)
    fine_tuning = FineTuning(quick(), sparsity=0.5)
    with pytest.raises(KeyboardInterrupt):
        export_tflite(student, path, samples=people, fine_tuning=fine_tuning)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
