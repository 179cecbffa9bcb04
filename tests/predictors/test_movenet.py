"""Files that give joints: where a pixel lands, which levels go in, what is refused."""

import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.geometry import apply_matrix, invert_matrix
from fpd_tf.joint_maps import joint_map
from fpd_tf.joints import COCO, LSP
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.movenet import gives_joints


@pytest.fixture
def crop():
    """Red, green and blue brightest at (x, y) = (5, 9), (30, 1) and (0, 31)."""
    pixels = np.zeros((32, 32, 3), np.float32)
    pixels[9, 5, 0], pixels[1, 30, 1], pixels[31, 0, 2] = 1.0, 0.6, 0.2
    return pixels


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_pixel_centres_are_whole_numbers_and_levels_reach_255(
    foreign_file, movenet_like, crop, dtype
):
    predictor = load_predictor(foreign_file(movenet_like, dtype=dtype))
    assert predictor.input_size == 32 and predictor.codec is None
    assert predictor.joint_set.joints == COCO.joints
    found = predictor(np.stack([crop, crop[:, ::-1]]))
    at = [COCO.index(name) for name in ("left_wrist", "right_knee", "nose")]
    expected = [[5, 9], [30, 1], [0, 31]]
    np.testing.assert_allclose(found.joints[0, at], expected, atol=1e-4)
    np.testing.assert_allclose(found.joints[1, at, 0], [26, 1, 31], atol=1e-4)
    np.testing.assert_allclose(found.scores[0, at], [1.0, 0.6, 0.2], atol=1e-6)
    assert found.heatmaps is None


def test_an_int8_image_holds_levels_less_128(foreign_file, crop):
    import tensorflow as tf

    def codes_given_back(image):
        seen = tf.cast(image[0, 9, 5, :], tf.float32)
        return tf.repeat(seen[None, None, None], 17, axis=2)

    predictor = load_predictor(foreign_file(codes_given_back, dtype="int8"))
    assert predictor(crop[None]).scores[0, 0] == -128
    (x, y), *_ = predictor(crop[None]).joints[0]
    assert (x, y) == (32 * -128 - 0.5, 32 * 127 - 0.5)


def test_our_own_file_with_the_decode_inside_gives_what_its_heatmaps_do(tmp_path):
    import keras

    from fpd_tf.export.convert import export_tflite
    from fpd_tf.export.decode import write_with_decode
    from fpd_tf.models.hourglass import stacked_hourglass

    keras.utils.set_random_seed(0)
    network = stacked_hourglass(
        num_stacks=1, num_features=8, num_joints=14, input_size=32, depth=2
    )
    file = export_tflite(network, tmp_path / "student.tflite", joint_set=LSP)
    images = np.random.default_rng(0).random((2, 32, 32, 3))
    joints = load_predictor(write_with_decode(file))(images)
    heatmaps = load_predictor(file)
    assert load_predictor(write_with_decode(file)).joint_set.joints == LSP.joints
    np.testing.assert_allclose(joints.joints, heatmaps(images).joints, atol=1e-3)
    np.testing.assert_allclose(joints.scores, heatmaps(images).scores, atol=1e-6)


def test_joints_in_pixels_are_refused(foreign_file):
    """(1, K, 3) of others may be x, y and z of a hand."""
    import tensorflow as tf

    def pixels(image):
        return tf.cast(image[:, 0, :5, :], tf.float32) + 20

    predictor = load_predictor(foreign_file(pixels, dtype="float32"))
    with pytest.raises(InputError, match="joints: expected y and x in parts .*: 20 to"):
        predictor(np.zeros((1, 32, 32, 3)))


def test_other_numbers_of_joints_have_no_names(foreign_file):
    import tensorflow as tf

    def five(image):
        return tf.zeros((1, 1, 5, 3)) + tf.cast(image[0, 0, 0, 0], tf.float32)

    joint_set = load_predictor(foreign_file(five)).joint_set
    assert joint_set.joints[0] == "joint_0"
    with pytest.raises(InputError, match="expected a joint of lsp"):
        joint_map(joint_set, LSP)


def several_outputs(image):
    return image[..., :1], image[..., 1:]


@pytest.mark.parametrize(
    ("shape", "dtype", "refusal"),
    [
        ((1, 32, 32, 3), "int64", "type of the image: expected uint8.*: int64"),
        ((1, None, None, 3), "int32", r"of fixed size, .*Received: \[1, -1, -1, 3\]"),
        ((1, 32, 24, 3), "int32", r"one square RGB image.*Received: \[1, 32, 24, 3\]"),
    ],
)
def test_images_that_it_cannot_fill_are_refused(foreign_file, shape, dtype, refusal):
    import tensorflow as tf

    def constant(image):
        first = tf.cast(tf.reshape(image, (-1,))[0], tf.float32)
        return tf.zeros((1, 1, 17, 3)) + first

    with pytest.raises(InputError, match=refusal):
        load_predictor(foreign_file(constant, shape, dtype))


def test_unknown_outputs_and_several_inputs_are_refused(foreign_file):
    import tensorflow as tf

    with pytest.raises(InputError, match="outputs: expected heatmaps"):
        load_predictor(foreign_file(several_outputs))

    def flat(image):
        return tf.cast(tf.reshape(image, (1, -1))[:, :7], tf.float32)

    with pytest.raises(InputError, match=r"outputs: expected heatmaps.*\(1, 7\)"):
        load_predictor(foreign_file(flat))


def test_several_signatures_are_refused(tmp_path):
    import tensorflow as tf

    class Two(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3))])
        def one(self, image):
            return {"found": image[..., :1]}

        @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3))])
        def other(self, image):
            return {"found": image[..., 1:]}

    module = Two()
    tf.saved_model.save(
        module, tmp_path / "two", {"one": module.one, "two": module.other}
    )
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path / "two"), signature_keys=["one", "two"]
    )
    path = tmp_path / "two.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(
        InputError, match="signatures: expected one. Received: one, two"
    ):
        load_predictor(path)


@pytest.mark.parametrize(
    "shapes", [[(1, 1, 17, 2)], [(1, 17, 17, 3)], [(1, 195)], [(1, 1, 17, 3)] * 2]
)
def test_what_gives_no_joints(shapes):
    assert not gives_joints(shapes)


def test_movenet_finds_a_gymnast(shared_data):
    """Lightning on a photograph of LSP-extended: most limb joints within 0.2 torsos."""
    import cv2

    from fpd_tf.data.images import read_image
    from fpd_tf.data.lsp import load_lsp
    from fpd_tf.evaluation.metrics import pck

    file = shared_data / "teachers" / "movenet-lightning.float16.tflite"
    predictor, people = (
        load_predictor(file),
        load_lsp(shared_data / "lspet", "8001-8020"),
    )
    matrices = [person.box.matrix(192) for person in people]
    crops = [
        cv2.warpAffine(read_image(person.image_path), matrix, (192, 192))
        for person, matrix in zip(people, matrices, strict=True)
    ]
    found = predictor(np.stack(crops) / 255)
    joints = apply_matrix(invert_matrix(np.stack(matrices)), found.joints)
    to_lsp = joint_map(COCO, LSP)
    limbs = [name in COCO.joints for name in LSP.joints]
    scores = pck(to_lsp.joints(joints), people.joints, people.annotated & limbs)
    assert scores.mean > 50
