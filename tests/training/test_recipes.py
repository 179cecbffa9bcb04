import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import fpd_tf as fpd
from fpd_tf.codec import encode_heatmaps
from fpd_tf.errors import InputError
from fpd_tf.models.movenet import movenet_pose
from fpd_tf.training.build import compiled_distiller, network_for
from fpd_tf.training.losses import joints_binary_cross_entropy, joints_mse
from fpd_tf.training.recipes import RECIPES, configure, make_optimizer


def test_the_papers_numbers():
    mpii, lsp = RECIPES["paper_mpii"], RECIPES["paper_lsp"]
    assert (mpii.optimizer, mpii.learning_rate) == ("rmsprop", 2.5e-4)
    assert (mpii.epochs, lsp.epochs) == (130, 70)
    assert (mpii.data.batch_size, mpii.data.input_size) == (4, 256)
    assert (mpii.data.scale, mpii.data.rotation) == ((0.75, 1.25), 30)
    assert (mpii.schedule, mpii.drop_epochs, mpii.data.color) == ("constant", (), 0)
    assert (mpii.preset, mpii.distillation_weight) == ("hourglass_4x128", 0.5)
    reference = RECIPES["reference"]
    assert (reference.optimizer, reference.epochs) == ("adam", 140)
    assert reference.drop_epochs == (90, 120)
    assert RECIPES["light"].data.input_size == 128


@pytest.mark.parametrize("gradient", [1e-5, 1e-3, 10.0])
def test_rmsprop_steps_like_torchs_whatever_the_scale_of_the_gradient(gradient):
    variable = keras.Variable(np.zeros(1, np.float32))
    optimizer = make_optimizer(fpd.TrainConfig(), steps_per_epoch=1)
    average = expected = 0.0
    for _ in range(3):
        average = 0.99 * average + 0.01 * gradient**2
        expected -= 2.5e-4 * gradient / (np.sqrt(average) + 1e-8)
        optimizer.apply([tf.constant([gradient])], [variable])
    np.testing.assert_allclose(variable.numpy(), expected, rtol=0.02)


def test_the_papers_recipe_learns_where_keras_defaults_stall(tiny_network):
    joints = np.random.default_rng(0).uniform(8, 120, (2, 16, 2))
    heatmaps, _ = encode_heatmaps(joints, size=32, sigma=1.0)
    images, _ = encode_heatmaps(joints[:, :3], size=128, sigma=4.0, stride=1)
    dataset = tf.data.Dataset.from_tensors((images, heatmaps)).repeat(60)

    def share_left(optimizer, loss):
        network = tiny_network(input_size=128)
        score = network.get_layer("stack0_score")
        score.set_weights([np.zeros_like(values) for values in score.get_weights()])
        network.compile(optimizer, loss=loss, jit_compile=False)
        network.fit(dataset, verbose=0, shuffle=False)
        seen = slice(3)  # the joints that the images show
        left = joints_mse(heatmaps, network(images, training=True)).numpy()[:, seen]
        return left.mean() / np.square(heatmaps[..., seen]).sum(axis=(1, 2)).mean()

    assert share_left(make_optimizer(fpd.TrainConfig(), 60), joints_mse) < 0.1
    assert share_left(keras.optimizers.RMSprop(2.5e-4), "mse") > 0.4


def rates(config, steps_per_epoch, steps):
    optimizer, found = make_optimizer(config, steps_per_epoch), []
    for step in steps:
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


def test_the_rate_drops_with_the_first_step_after_an_epoch():
    config = fpd.TrainConfig(learning_rate=1.0, drop_epochs=(2, 3), epochs=4)
    found = rates(config, 10, [0, 19, 20, 29, 30, 39])
    np.testing.assert_allclose(found, [1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-6)


@pytest.mark.parametrize("epochs", ["[3,2]", "[2,2]", "[0,2]"])
def test_drops_out_of_order_are_refused(epochs):
    """Keras would take the rates of other epochs, without a word."""
    with pytest.raises(InputError, match="drop_epochs: expected .*ascending order"):
        configure("reference", [f"drop_epochs={epochs}"])


@pytest.mark.parametrize(
    ("rate", "distance", "told"),
    [
        (2e-4, "mse", True),
        (8e-5, "mse", False),
        (2e-4, "binary_cross_entropy", False),
    ],
)
def test_squared_errors_of_a_sigmoid_at_a_high_rate_are_warned_of(
    rate, distance, told, caplog
):
    config = fpd.TrainConfig(learning_rate=rate, student_distance=distance)
    compiled_distiller(movenet_pose(width=0.25, input_size=64), config, 1)
    assert ("heatmaps of a sigmoid empty" in caplog.text) == told


def test_a_warmup_rises_from_zero_before_the_cosine():
    config = fpd.TrainConfig(
        learning_rate=1.0, schedule="cosine", epochs=4, warmup_epochs=0.5
    )
    found = rates(config, 10, [0, 2, 5, 40])
    np.testing.assert_allclose(found, [0, 0.4, 1, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"warmup_epochs": 1}, "schedule=cosine where there are warmup_epochs"),
        (
            {"warmup_epochs": 3, "schedule": "cosine"},
            "warmup_epochs below epochs=3, not warmup_epochs=3",
        ),
    ],
)
def test_a_warmup_without_effect_or_without_end_is_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        fpd.TrainConfig(epochs=3, **settings)


@pytest.mark.parametrize("drops", [(3,), (1, 4)])
def test_a_drop_after_the_last_epoch_is_refused(drops):
    with pytest.raises(InputError, match=r"drop_epochs below epochs=3, not drop_epo"):
        fpd.TrainConfig(epochs=3, drop_epochs=drops)


def test_an_endless_weight_decay_is_refused():
    with pytest.raises(InputError, match="a finite number"):
        fpd.TrainConfig(optimizer="adamw", weight_decay=float("inf"))


@pytest.mark.parametrize("field", ["student_distance", "distillation_distance"])
def test_binary_cross_entropy_asks_for_heatmaps_out_of_a_sigmoid(field, tiny_network):
    config = fpd.TrainConfig(**{field: "binary_cross_entropy"})
    images = keras.Input((32, 32, 3))
    heatmaps = keras.layers.Conv2D(16, 4, strides=4)(images)
    of_an_operation = keras.Model(images, keras.ops.relu(heatmaps) * 2)
    for network in (tiny_network(), of_an_operation):
        with pytest.raises(InputError, match=f"{field}: .*come out of a sigmoid"):
            compiled_distiller(network, config, 1)
    movenet = movenet_pose(width=0.25, input_size=64)
    distiller = compiled_distiller(movenet, config, 1)
    chosen = {"student_distance": distiller.student_distance}
    chosen["distillation_distance"] = distiller.distance
    assert chosen[field] is joints_binary_cross_entropy


def test_cosine_ends_at_zero_with_the_last_step():
    config = fpd.TrainConfig(learning_rate=1.0, schedule="cosine", epochs=4)
    found = rates(config, 10, [0, 20, 40])
    np.testing.assert_allclose(found, [1, 0.5, 0], atol=1e-6)


def test_weight_decay_is_on_kernels_alone(tiny_network):
    network = tiny_network()
    network.set_weights([np.ones_like(values) for values in network.get_weights()])
    config = fpd.TrainConfig(optimizer="adamw", weight_decay=0.5, learning_rate=0.1)
    zeros = [tf.zeros_like(variable) for variable in network.trainable_variables]
    make_optimizer(config, 1).apply(zeros, network.trainable_variables)
    for variable in network.trainable_variables:
        kept = 0.95 if variable.name == "kernel" else 1.0
        np.testing.assert_allclose(variable.numpy(), kept, rtol=1e-6)


def test_running_average_and_optimizers():
    kinds = {
        "rmsprop": keras.optimizers.RMSprop,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
    }
    for name, kind in kinds.items():
        optimizer = make_optimizer(fpd.TrainConfig(optimizer=name, ema=0.9), 1)
        assert type(optimizer) is kind
        assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.9)
        assert not make_optimizer(fpd.TrainConfig(optimizer=name), 1).use_ema


def test_settings_reach_every_field():
    config = configure(
        "light",
        [
            "epochs=2",
            "weight_decay=0",
            "schedule=constant",
            "optimizer=adam",
            "data.sigma=1.5",
            "data.scale=[0.5, 1.5]",
            "model.depth=3",
            "drop_epochs=[1]",
        ],
    )
    assert (config.epochs, config.optimizer) == (2, "adam")
    assert (config.data.sigma, config.data.scale) == (1.5, (0.5, 1.5))
    assert (config.model, config.drop_epochs) == ({"depth": 3}, (1,))
    assert config.data.input_size == 128  # the rest is the recipe's
    assert RECIPES["light"].data.sigma == 1.25
    assert configure("paper_mpii") == fpd.TrainConfig()


@pytest.mark.parametrize(
    "recipe, setting, message",
    [
        ("paper", "epochs=1", "^recipe: expected one of paper_mpii.*Received: paper$"),
        ("light", "epoch=1", "^--set: epoch: .*Received: 1"),
        ("light", "epochs=many", "^--set: epochs: .*integer.*Received: many"),
        ("light", "epochs=0", "^--set: epochs: .*greater than 0.*Received: 0"),
        ("light", "data.sigma=-1", r"^--set: data\.sigma: .*Received: -1"),
        ("light", "data.sigmas=1", r"^--set: data\.sigmas: "),
        ("light", "dat.sigma=1", "^--set: expected field=value.*dat.sigma=1"),
        ("light", "epochs", "^--set: expected field=value.*Received: epochs"),
        ("light", "optimizer=sgd", "^--set: optimizer: .*Received: sgd"),
        ("light", "ema=1", "^--set: ema: .*less than 1"),
        ("light", "learning_rate=NaN", "^--set: learning_rate: "),
    ],
)
def test_settings_that_are_none_are_refused(recipe, setting, message):
    with pytest.raises(InputError, match=message) as refusal:
        configure(recipe, [setting])
    assert "\n" not in str(refusal.value)


def test_python_callers_are_told_the_field_too():
    with pytest.raises(InputError, match="distillation_weight"):
        fpd.TrainConfig(distillation_weight=2)


def test_finetune_starts_from_the_shipped_student_whatever_the_joints(people, capsys):
    recipe = RECIPES["finetune"]
    assert recipe.learning_rate < RECIPES["light"].learning_rate
    data = dataclasses.replace(recipe.data, input_size=64)
    network = network_for(people, dataclasses.replace(recipe, data=data))
    assert network.outputs[0].shape == (None, 16, 16, 16)
    said = capsys.readouterr().err
    assert "65 of 65 layers loaded" in said
    assert "joints initialised at random: pelvis, thorax" in said
