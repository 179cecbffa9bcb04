import keras
import numpy as np
import pytest
from PIL import Image

from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import rules_for
from fpd_tf.errors import InputError
from fpd_tf.joints import LSP, JointSet
from fpd_tf.models.hourglass import stacked_hourglass
from fpd_tf.models.keras_file import named_network, save_network
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.predictor import Prediction, Predictor, heatmap_predictor
from fpd_tf.predictors.views import with_flip


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return stacked_hourglass(
        num_stacks=2, num_features=8, num_joints=5, input_size=32, depth=2, stem_width=4
    )


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(3, 32, 32, 3)).astype(np.float32)


def test_predictor_gives_the_last_stack_of_a_model(network, images):
    predict = load_predictor(network)
    assert predict.input_size == 32 and predict.codec == Heatmaps(32, stride=4)
    assert predict.joint_set.joints == tuple(f"joint_{index}" for index in range(5))
    expected = np.asarray(network(images)[-1])
    found = predict(images)
    np.testing.assert_allclose(found.heatmaps, expected, atol=1e-5)
    joints, scores = Heatmaps(32, stride=4).decode(found.heatmaps)
    np.testing.assert_array_equal(found.joints, joints)
    np.testing.assert_array_equal(found.scores, scores)
    np.testing.assert_allclose(predict.heatmaps(images[:1]), expected[:1], atol=1e-5)


@pytest.mark.parametrize("name", ["a.md", "a.TFLITE", "folder"])
def test_what_is_no_network_is_said_of_both_kinds_of_file(name, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=f"{name}: suffix: expected .keras or .tflite"):
        load_predictor(tmp_path / name)


@pytest.mark.parametrize(
    ("images", "received"),
    [
        (np.full((1, 32, 32, 3), 255, np.uint8), "255 to 255"),
        (np.full((1, 32, 32, 3), -1.0), "-1 to -1"),
        (np.full((1, 32, 32, 3), np.nan), "nan to nan"),
        (np.zeros((0, 32, 32, 3)), r"\(0, 32, 32, 3\)"),
        (np.zeros((1, 32, 30, 3)), r"\(1, 32, 30, 3\)"),
        (np.float32(0), r"\(\)"),
    ],
)
def test_images_that_do_not_fit_are_refused(network, images, received):
    """Levels that are not divided by 255 would give wrong joints without a word."""
    predict = load_predictor(network)
    with pytest.raises(InputError, match=f"images: expected .* Received: {received}$"):
        predict(images)


def test_a_predictor_is_opened_once(network):
    predict = load_predictor(network)
    assert load_predictor(predict) is predict


def test_a_network_that_knows_its_joints_names_them(tmp_path):
    image = keras.layers.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(14, 4, 4)(image))
    save_network(named_network(model, LSP), tmp_path / "student.keras")
    predict = load_predictor(tmp_path / "student.keras")
    assert predict.joint_set is LSP and predict.rules == rules_for(LSP)


def test_joints_of_ones_own_are_drawn_with_their_limbs(tmp_path, run_fpd):
    """A line from corner to corner, by the names inside the .keras alone."""
    own = JointSet("own", ("one", "other"), limbs=((0, 1),))
    image = keras.layers.Input((32, 32, 3))
    bright = keras.layers.AveragePooling2D(4)(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(bright))
    model.layers[-1].set_weights([np.eye(3, 2)[None, None], np.zeros(2)])
    save_network(named_network(model, own), tmp_path / "own.keras")
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[:4, :4, 0] = photo[-4:, -4:, 1] = 255
    Image.fromarray(photo).save(tmp_path / "a.png")
    out = tmp_path / "drawn.png"
    given = ("--model", tmp_path / "own.keras", "--box", 0, 0, 32, 32, "--out", out)
    assert run_fpd("predict", tmp_path / "a.png", *given)[0] == 0
    assert np.asarray(Image.open(out))[16, 16].any()


def test_predictor_sees_new_weights_of_a_live_model(images):
    model = keras.Sequential(
        [keras.layers.Input((32, 32, 3)), keras.layers.Conv2D(5, 1)]
    )
    predict = load_predictor(model)
    predict(images)
    model.layers[0].bias.assign(np.full(5, 100.0))
    assert predict.heatmaps(images).min() > 50


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_predictor_reads_a_keras_file(network, images, tmp_path):
    path = tmp_path / "student.keras"
    network.save(path)
    expected = load_predictor(network).heatmaps(images)
    received = load_predictor(path).heatmaps(images)
    np.testing.assert_allclose(received, expected, atol=1e-6)


def test_images_of_another_size_are_refused(network):
    with pytest.raises(
        ValueError, match=r"\(B, 32, 32, 3\). Received: \(1, 64, 64, 3\)"
    ):
        load_predictor(network)(np.zeros((1, 64, 64, 3)))


def test_networks_of_another_kind_are_refused():
    inputs = keras.layers.Input((8,))
    with pytest.raises(InputError, match="shapes"):
        load_predictor(keras.Model(inputs, keras.layers.Dense(2)(inputs)))
    for other in (None, 3, [keras.Model(inputs, inputs)]):
        kind = type(other).__name__
        said = f"model: expected a network, or a .keras or .tflite .*: {kind}"
        with pytest.raises(InputError, match=said):
            load_predictor(other)
    with pytest.raises(InputError, match="a Functional model"):
        load_predictor(keras.Sequential([keras.layers.Dense(2)]))


def test_bad_tflite_files_are_named(tmp_path):
    path = tmp_path / "student.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64))
    with pytest.raises(InputError, match="student.tflite: expected an undamaged"):
        load_predictor(path)
    with pytest.raises(InputError, match="missing.tflite"):
        load_predictor(str(tmp_path / "missing.tflite"))


@pytest.mark.parametrize("name", ["student.pose.json", "pose.json"])
def test_a_contract_is_no_network(name):
    with pytest.raises(InputError, match=f"^{name}: .* give the .tflite file beside"):
        load_predictor(name)


def test_flip_test_averages_the_swapped_mirror_image():
    def run(images):
        return images[..., :1] * np.arange(1.0, 15.0)

    predict = heatmap_predictor("n", Heatmaps(4, stride=1), LSP, rules_for(LSP), run)
    image = np.zeros((1, 4, 4, 3), np.float32)
    image[0, 1, 0] = 1.0
    averaged = with_flip(predict)(image)
    right, left = LSP.index("right_wrist"), LSP.index("left_wrist")
    expected = ((right + 1) + (left + 1)) / 2
    assert averaged.heatmaps[0, 1, 0, right] == averaged.scores[0, right] == expected
    assert np.count_nonzero(averaged.heatmaps) == 14
    assert averaged.joints[0, right].tolist() == [0, 1]


@pytest.mark.parametrize("cells", [np.s_[:], np.s_[0, 3, 3, 13]])
def test_a_network_of_broken_weights_is_refused(cells):
    """Its joints would be in a corner, and its score 0, without a word."""

    def run(images):
        heatmaps = np.zeros((1, 4, 4, 14))
        heatmaps[cells] = np.nan
        return heatmaps

    predict = heatmap_predictor("n", Heatmaps(4, stride=1), LSP, rules_for(LSP), run)
    with pytest.raises(InputError, match="^n: scores: expected finite numbers"):
        predict(np.zeros((1, 4, 4, 3)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((np.zeros((1, 14, 2)), np.ones((1, 14))), "run: expected a Prediction.*tuple"),
        (Prediction(np.zeros((1, 13, 2)), np.ones((1, 13))), r"joints: .*1, 13, 2"),
        (Prediction(np.zeros((1, 14, 2)), np.ones((2, 14))), r"scores: .*\(2, 14\)"),
    ],
)
def test_a_predictor_of_ones_own_gives_what_it_says(given, said):
    predict = Predictor("own", 4, LSP, rules_for(LSP), lambda images: given)
    with pytest.raises(InputError, match=f"^own: {said}"):
        predict(np.zeros((1, 4, 4, 3)))


def test_heatmaps_of_another_size_than_the_codecs_are_refused():
    """They would be decoded to places twice as near to the corner."""
    about = Heatmaps(8, stride=1), LSP, rules_for(LSP)
    predict = heatmap_predictor("own", *about, lambda images: np.zeros((1, 4, 4, 14)))
    with pytest.raises(InputError, match=r"^own: heatmaps: expected \(1, 8, 8, 14\)"):
        predict(np.zeros((1, 8, 8, 3)))


def test_joints_alone_have_no_heatmaps_to_average():
    found = Prediction(np.zeros((1, 14, 2)), np.ones((1, 14)))
    predict = Predictor("joints.tflite", 4, LSP, rules_for(LSP), lambda images: found)
    assert predict(np.zeros((1, 4, 4, 3))) is found
    for refused in (with_flip, lambda p: p.heatmaps(np.zeros((1, 4, 4, 3)))):
        with pytest.raises(
            InputError, match="joints.tflite: it outputs joints; a network with h"
        ):
            refused(predict)
