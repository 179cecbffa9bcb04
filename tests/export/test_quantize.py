import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

from fpd_tf.errors import InputError
from fpd_tf.export.convert import to_tflite
from fpd_tf.export.fold import folded
from fpd_tf.export.quantize import (
    Ranges,
    best_percentage,
    quantized,
    tensor_ranges,
)

layers = keras.layers
WHITE = 7


@pytest.fixture(scope="module")
def images():
    """40 usual images and a white one that takes the residual sum to 100."""
    images = np.random.default_rng(0).uniform(0, 0.8, (41, 8, 8, 3)).astype(np.float32)
    images[WHITE] = 1.0
    return images


@pytest.fixture(scope="module")
def network():
    image = layers.Input((8, 8, 3))
    usual = layers.Conv2D(8, 1, name="usual")
    white = layers.Conv2D(8, 1, activation="relu", name="white")
    both = layers.Add(name="sum")([usual(image), white(image)])
    model = keras.Model(image, layers.Conv2D(4, 1, name="score")(both))
    keras.utils.set_random_seed(0)
    usual.kernel.assign(np.random.default_rng(1).normal(0, 1, (1, 1, 3, 8)))
    white.kernel.assign(np.full((1, 1, 3, 8), 1000 / 3))
    white.bias.assign(np.full(8, -900.0))
    return model


@pytest.fixture(scope="module")
def plain(network):
    return to_tflite(folded(network))


@pytest.fixture(scope="module")
def ranges(plain, images):
    return tensor_ranges(plain, images)


def run(content, images):
    interpreter = Interpreter(model_content=content)
    runner = interpreter.get_signature_runner("serving_default")
    return np.concatenate([runner(image=image[None])["heatmaps"] for image in images])


def test_ranges_are_those_of_the_layers(network, images, ranges):
    assert ranges.names == ("image", "usual", "white", "sum", "heatmaps")
    both = keras.Model(network.input, network.get_layer("sum").output)
    expected = np.asarray(both(images)).reshape(len(images), -1)
    column = ranges.names.index("sum")
    np.testing.assert_allclose(
        ranges.lowest[:, column], expected.min(axis=1), rtol=1e-4
    )
    np.testing.assert_allclose(
        ranges.highest[:, column], expected.max(axis=1), rtol=1e-4
    )


def test_the_report_names_the_photograph_that_blows_up_the_sum(ranges):
    rows = {row.name: row for row in ranges.rows()}
    assert rows["sum"].blown_up_by == (WHITE,) and rows["usual"].blown_up_by == ()
    assert rows["sum"].largest > 90
    assert rows["sum"].percentiles[50] < 5 and np.argmax(ranges.excess) == WHITE
    assert rows["sum"].stretch > 20 > rows["usual"].stretch
    assert ranges.photographs() == [(WHITE, 3)]


def test_ranges_that_most_images_stay_within_keep_what_is_usual(plain, images, ranges):
    percentage = best_percentage(plain, ranges, images)
    usual = np.delete(images, WHITE, axis=0)
    expected = run(plain, usual)
    robust = run(quantized(plain, ranges, percentage), usual)
    stretched = run(quantized(plain, ranges, 100), usual)
    error, spread = np.abs(robust - expected).mean(), np.std(expected)
    assert percentage < 100 and error < 0.02 * spread
    assert np.abs(stretched - expected).mean() > 5 * error


def test_ranges_by_hand():
    lowest = np.linspace(-1, 0, 101)[:, None]
    ranges = Ranges(("a",), lowest, np.linspace(0, 10, 101)[:, None])
    np.testing.assert_allclose(ranges.within(95), [[-0.95], [9.5]])
    np.testing.assert_allclose(ranges.within(100), [[-1], [10]])
    never_negative = Ranges(("a",), lowest + 2, lowest + 3)
    np.testing.assert_allclose(never_negative.within(100), [[0], [3]])


def test_zero_is_within_every_range():
    """Where it was not, fine-tuning would have rounded within another range."""
    ranges = Ranges(("below",), np.full((4, 1), -7.0), np.full((4, 1), -5.0))
    np.testing.assert_allclose(ranges.within(100), [[-7], [0]])


def test_a_tensor_that_is_nearly_always_zero_keeps_a_width():
    highest = np.zeros((100, 2))
    highest[7, 1] = 4096
    ranges = Ranges(("never", "once"), np.zeros((100, 2)), highest)
    np.testing.assert_allclose(ranges.within(95), [[0, 0], [1, 1]])


def test_weights_are_quantized_by_channel(plain, ranges):
    interpreter = Interpreter(model_content=quantized(plain, ranges, 95))
    kernels = [
        tensor["quantization_parameters"]["scales"]
        for tensor in interpreter.get_tensor_details()
        if tuple(tensor["shape"]) == (8, 1, 1, 3)
    ]
    assert [len(scales) for scales in kernels] == [8, 8]


@pytest.mark.parametrize("io", ["uint8", "int8"])
def test_integer_ends_hold_the_same_numbers(io, plain, images, ranges):
    content = quantized(plain, ranges, 95, io)
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (image,), (heatmaps,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    pixels = np.uint8(np.round(255 * images[:1]))
    codes = pixels if io == "uint8" else np.int8(pixels.astype(int) - 128)
    assert image["dtype"] == heatmaps["dtype"] == np.dtype(io)
    interpreter.set_tensor(image["index"], codes)
    interpreter.invoke()
    scale, zero_point = heatmaps["quantization"]
    received = scale * (
        np.float32(interpreter.get_tensor(heatmaps["index"])) - zero_point
    )
    expected = run(quantized(plain, ranges, 95), pixels / np.float32(255))
    np.testing.assert_allclose(received, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((1, 4, 4, 3)), r"shape: .*\(8, 8, 3\). Received: \(4, 4, 3\)$"),
        (np.zeros((0, 8, 8, 3)), "expected one or more .* Received: none$"),
        (np.full((1, 8, 8, 3), 255, np.uint8), "divided by 255. Received: uint8$"),
    ],
)
def test_images_that_do_not_fit_are_refused(plain, images, said):
    with pytest.raises(InputError, match=f"^images: .*{said}"):
        tensor_ranges(plain, images)


def test_a_layer_whose_numbers_are_not_finite_is_named(network, images):
    model = folded(network)
    usual = model.get_layer("usual")
    before = usual.get_weights()
    usual.set_weights([np.full_like(before[0], 3e38), before[1]])
    plain = to_tflite(model)
    with pytest.raises(InputError, match="^network: usual: gives numbers that are not"):
        tensor_ranges(plain, images)


@pytest.mark.parametrize("crops", [None, np.zeros((0, 8, 8, 3), np.float32)])
def test_integers_need_crops_to_measure_on(network, crops):
    with pytest.raises(InputError, match="^crops: .* Received: none"):
        to_tflite(folded(network), "int8", crops)


def test_a_network_that_the_runtime_refuses_is_one_line(plain, images, capfd):
    model = schema.ModelT.InitFromPackedBuf(plain, 0)
    (kernel, *_) = (
        tensor
        for tensor in model.subgraphs[0].tensors
        if list(tensor.shape) == [8, 1, 1, 3]
    )
    kernel.shape = [4, 1, 1, 6]  # for images of six channels
    content = bytes(convert_object_to_bytearray(model))
    with pytest.raises(InputError, match="^network: .* runs. Received: .*CONV") as no:
        tensor_ranges(content, images)
    assert "\n" not in str(no.value) and capfd.readouterr().err == ""


def test_photographs_are_counted_over_tensors():
    highest = np.ones((20, 3))
    highest[4, 0] = highest[4, 2] = highest[9, 2] = 11
    lowest = np.zeros((20, 3))
    lowest[2, 1] = -12
    ranges = Ranges(("a", "b", "c"), lowest, highest)
    assert ranges.photographs()[0] == (4, 2)
    assert set(ranges.photographs()) == {(4, 2), (9, 1), (2, 1)}
    assert [row.largest_peak for row in ranges.rows()] == [11, 12, 11]
    assert [row.stretch for row in ranges.rows()] == [11, 12, 11]
