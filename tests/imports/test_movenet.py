"""A published MoveNet as a network: a tiny one of its form, and the real files."""

import keras
import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.imports.movenet import PublishedMovenet, import_movenet
from fpd_tf.joints import COCO, LSP, JointSet
from fpd_tf.models.keras_file import joint_set_of_network, load_network
from fpd_tf.models.movenet import movenet_pose
from fpd_tf.models.stacks import as_stacks
from fpd_tf.quiet import quiet


@pytest.fixture(scope="module")
def tiny():
    """Of COCO's joints, with weights that let heatmaps vary."""
    network = movenet_pose(width=0.25, input_size=32, num_joints=17)
    random = np.random.default_rng(0)
    for weight in network.weights:
        spread = 0.1 if weight.path.endswith("bias") else None
        spread = spread or np.sqrt(2 / np.prod(weight.shape[:-1]))
        if "dw_conv/kernel" in weight.path:
            spread = 0.4
        weight.assign(random.normal(0, spread, weight.shape))
    return network


def published(network, levels_to_image=lambda levels: levels / 255.0, channels=17):
    """The function of a file: levels in, the highest place of each heatmap out."""
    import tensorflow as tf

    def find(levels):
        image = levels_to_image(tf.cast(levels, tf.float32))
        peaks = tf.reduce_max(network(image), axis=(1, 2))[:, None, :, None]
        return tf.concat([peaks[:, :, :channels]] * 3, axis=3)

    return find


@pytest.fixture(scope="module")
def tiny_file(tiny, foreign_file):
    return foreign_file(published(tiny), name="movenet")


def smaller_file(network, path, kind=None):
    """Its weights in float16 or, without a kind, in int8."""
    import tensorflow as tf

    spec = tf.TensorSpec((1, 32, 32, 3), tf.uint8, name="input")
    serve = tf.function(published(network), input_signature=[spec])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [serve.get_concrete_function()]
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.dtypes.as_dtype(kind)] if kind else []
    with quiet():
        path.write_bytes(converter.convert())
    return path


def heatmaps_of(network, images):
    return np.asarray(as_stacks(network(images, training=False))[-1])


def test_an_imported_network_has_the_weights_and_the_heatmaps_of_its_file(
    tiny, tiny_file
):
    imported = import_movenet(tiny_file, COCO)
    assert joint_set_of_network(imported) is COCO
    for given, taken in zip(tiny.weights, imported.weights, strict=True):
        np.testing.assert_array_equal(taken, given, err_msg=given.path)
    levels = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3))
    images = (levels / 255).astype(np.float32)
    expected = heatmaps_of(tiny, images)
    assert np.ptp(expected) > 0.1
    own = PublishedMovenet(tiny_file).heatmaps(images)
    np.testing.assert_allclose(own, expected, atol=1e-4)


def test_float16_weights_stand_behind_a_dequantize(tiny, tmp_path):
    file = smaller_file(tiny, tmp_path / "half.tflite", "float16")
    kernel = import_movenet(file, COCO).get_layer("block3_expand_conv").kernel
    given = np.asarray(tiny.get_layer("block3_expand_conv").kernel)
    np.testing.assert_array_equal(kernel, given.astype(np.float16))


def test_rows_follow_the_names_of_the_joints(tiny, tiny_file):
    kernel, bias = tiny.get_layer("score_conv").get_weights()
    imported = import_movenet(tiny_file, LSP)
    found_kernel, found_bias = imported.get_layer("score_conv").get_weights()
    for name, ends in (
        ("left_knee", ("left_knee",)),
        ("neck", ("left_shoulder", "right_shoulder")),
        ("head_top", ("left_eye", "right_eye")),
    ):
        rows = [COCO.index(end) for end in ends]
        at = LSP.index(name)
        np.testing.assert_allclose(
            found_kernel[..., at], kernel[..., rows].mean(-1), rtol=1e-6
        )
        np.testing.assert_allclose(found_bias[at], bias[rows].mean(), rtol=1e-6)
    np.testing.assert_array_equal(
        imported.get_layer("stem_conv").kernel, tiny.get_layer("stem_conv").kernel
    )


def test_a_joint_that_coco_lacks_starts_from_the_mean_of_all(tiny, tiny_file):
    tail = JointSet("dog", ("nose", "tail"))
    _, bias = import_movenet(tiny_file, tail).get_layer("score_conv").get_weights()
    _, given = tiny.get_layer("score_conv").get_weights()
    np.testing.assert_allclose(bias, [given[0], given.mean()], rtol=1e-6)


def test_no_joint_in_common_is_refused(tiny_file):
    with pytest.raises(InputError, match="expected a joint of robot"):
        import_movenet(tiny_file, JointSet("robot", ("gripper",)))


def test_a_file_that_computes_otherwise_is_refused(tiny, foreign_file):
    """Its convolutions fit, and levels become another image."""
    file = foreign_file(published(tiny, lambda levels: levels / 127.5))
    with pytest.raises(InputError, match="MoveNet.*heatmaps that differ by"):
        import_movenet(file, COCO)


def test_other_files_are_refused(tiny, foreign_file, movenet_file, tmp_path):
    import tensorflow as tf

    def heatmaps_alone(levels):
        return tiny(tf.cast(levels, tf.float32) / 255.0)

    narrow = keras.Sequential(
        [
            keras.layers.Input((32, 32, 3)),
            keras.layers.Conv2D(17, 3, padding="same", activation="sigmoid"),
        ]
    )
    for file, refusal in (
        (movenet_file, "MoveNet for one person.*no logistic of 17 channels"),
        (foreign_file(heatmaps_alone), r"MoveNet.*outputs \[\(1, 8, 8, 17\)\]"),
        (foreign_file(published(narrow)), "MoveNet.*1 convolutions|first convolution"),
    ):
        with pytest.raises(InputError, match=refusal) as error:
            import_movenet(file, COCO)
        assert str(file) in str(error.value)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"no network")
    with pytest.raises(InputError, match="damaged.tflite: expected a .tflite file"):
        import_movenet(damaged, COCO)


def test_quantized_weights_are_refused(tiny, tmp_path):
    file = smaller_file(tiny, tmp_path / "dynamic.tflite")
    with pytest.raises(InputError, match="weights: expected float16 or float32.*int8"):
        import_movenet(file, COCO)


def test_the_verb_writes_a_network_that_knows_its_joints(run_fpd, tiny_file, tmp_path):
    out = tmp_path / "tiny.keras"
    status, printed, error = run_fpd(
        "import", tiny_file, "--joints", "lsp", "--out", out
    )
    assert (status, error) == (0, "")
    assert "32 px, 14 joints of lsp" in printed
    assert joint_set_of_network(load_network(out)) is LSP


def test_what_the_verb_refuses(run_fpd, tiny_file, tmp_path):
    there, text = tmp_path / "there.keras", tmp_path / "text.tflite"
    there.write_text("kept")
    text.write_text("no network")
    new = tmp_path / "new.keras"
    for arguments, refusal in (
        ((tiny_file, "--joints", "lsp", "--out", there), "it exists already"),
        ((tiny_file, "--joints", "hand", "--out", new), "'mpii', 'lsp', 'coco'"),
        ((text, "--joints", "lsp", "--out", new), "expected a .tflite file"),
        ((tmp_path / "no.tflite", "--joints", "lsp", "--out", new), "No such file"),
        ((tiny_file, "--joints", "lsp", "--out", tmp_path / "new.h5"), ".keras file"),
    ):
        status, printed, error = run_fpd("import", *arguments)
        assert (status, printed) == (2, "") and refusal in error
        assert len(error.splitlines()) == 1
    assert there.read_text() == "kept" and not new.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lightning", "thunder"])
def test_published_heatmaps_are_equal_on_photographs(shared_data, name):
    import cv2

    from fpd_tf.data.images import read_image
    from fpd_tf.data.lsp import load_lsp

    file = PublishedMovenet(shared_data / "teachers" / f"movenet-{name}.float16.tflite")
    assert (file.width, file.input_size) == {
        "lightning": (1.0, 192),
        "thunder": (1.75, 256),
    }[name]
    size = (file.input_size, file.input_size)
    crops = [
        cv2.warpAffine(
            read_image(person.image_path), person.box.matrix(file.input_size), size
        )
        for person in load_lsp(shared_data / "lspet", "8001-8004")
    ]
    images = np.stack(crops) / np.float32(255)
    expected = file.heatmaps(images)
    assert expected.max() > 0.5
    np.testing.assert_allclose(heatmaps_of(file.network(), images), expected, atol=1e-3)


@pytest.mark.slow
def test_imported_lightning_finds_limbs_before_any_training(shared_data):
    """61.0 on all 745 people of 8001-9000; here on the first hundred."""
    from fpd_tf.data.lsp import load_lsp
    from fpd_tf.evaluation.evaluate import evaluate

    file = shared_data / "teachers" / "movenet-lightning.float16.tflite"
    people = load_lsp(shared_data / "lspet", "8001-8100")
    scores = evaluate(import_movenet(file, LSP), people).as_dict()["groups"]
    limbs = [score for group, score in scores.items() if group != "Head"]
    assert np.mean(limbs) > 55
