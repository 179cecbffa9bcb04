"""First weights by name of layer and joint. Two stacks of 32 px; K of each case."""

import keras
import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.errors import InputError
from fpd_tf.joints import COCO, LSP, MPII, JointSet
from fpd_tf.models.keras_file import named_network, save_network
from fpd_tf.training.start import start_from

HAND = JointSet("hand", ("thumb", "palm", "left_hip"))


def network(joint_set=None, num_joints=14, *, features=6, seed=0):
    """As the hourglass: the second stack reads the scores of the first."""
    count = joint_set.num_joints if joint_set else num_joints
    keras.utils.set_random_seed(seed)
    conv = keras.layers.Conv2D
    images = keras.Input((32, 32, 3))
    x = conv(features, 4, strides=4, name="stem")(images)
    x = keras.layers.BatchNormalization(name="bn")(x)
    first = conv(count, 1, name="score0")(x)
    heatmaps = keras.layers.Activation("linear", name="heatmaps0")(first)
    back = conv(features, 1, name="remap")(first)
    second = conv(count, 1, name="score1")(keras.layers.Add(name="next")([x, back]))
    built = keras.Model(images, [heatmaps, second], name="stacks")
    for layer in built.layers:
        layer.set_weights([each + np.random.rand() for each in layer.get_weights()])
    return named_network(built, joint_set) if joint_set else built


@pytest.fixture
def saved(tmp_path):
    def save(trained):
        path = tmp_path / "trained.keras"
        save_network(trained, path)
        return path

    return save


def values(model, layer):
    return model.get_layer(layer).get_weights()


def test_the_same_network_is_taken_over_whole_without_a_word(saved, capsys):
    before, after = network(LSP, seed=1), network(LSP)
    start_from(saved(before), after)
    for one, other in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert capsys.readouterr() == ("", "")


def test_joints_are_taken_over_by_name(saved, capsys):
    before, after, fresh = network(LSP, seed=1), network(MPII), network(MPII)
    start_from(saved(before), after)
    for layer in ("stem", "bn"):
        for one, other in zip(values(before, layer), values(after, layer), strict=True):
            np.testing.assert_array_equal(one, other)
    anew = []
    for layer in ("score0", "score1", "remap"):
        old, new, first = (values(each, layer)[0] for each in (before, after, fresh))
        if layer == "remap":  # reads joints; its bias is of features
            old, new, first = (np.swapaxes(each, 2, 3) for each in (old, new, first))
            bias = values(before, layer)[1]
            np.testing.assert_array_equal(values(after, layer)[1], bias)
        for at, name in enumerate(MPII.joints):
            name = {"upper_neck": "neck"}.get(name, name)
            kept = old[..., LSP.index(name)] if name in LSP.joints else first[..., at]
            np.testing.assert_array_equal(new[..., at], kept)
            anew += [name] if name not in LSP.joints else []
    assert anew == ["pelvis", "thorax"] * 3
    bias = values(after, "score1")[1]
    assert bias[MPII.index("head_top")] == values(before, "score1")[1][13]
    said = capsys.readouterr().err
    assert said.startswith("5 of 5 layers loaded from ") and said.count("\n") == 1
    assert said.endswith(
        "trained.keras; joints initialised at random: pelvis, thorax\n"
    )


def test_as_many_joints_in_another_order_are_not_taken_for_the_same(saved):
    turned = JointSet("turned", LSP.joints[::-1])
    before, after = network(LSP, seed=1), network(turned)
    start_from(saved(before), after)
    for layer, axis in (("score0", -1), ("remap", -2)):
        old, new = values(before, layer)[0], values(after, layer)[0]
        np.testing.assert_array_equal(np.flip(old, axis), new)


def test_a_network_that_names_no_joints_has_those_of_the_people(saved, capsys):
    before, after = network(num_joints=14, seed=1), network(LSP)
    start_from(saved(before), after)
    for one, other in zip(
        values(before, "score0"), values(after, "score0"), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    other = network(HAND)
    start_from(saved(before), other)
    said = capsys.readouterr().err
    assert "2 of 5 layers" in said
    assert "layers initialised at random: score0, remap, score1" in said


def test_other_joints_start_anew_and_other_shapes_too(saved, capsys):
    before, after, fresh = network(LSP, seed=1), network(HAND), network(HAND)
    start_from(saved(before), after)
    hip = values(after, "score1")[0][..., 2]
    np.testing.assert_array_equal(
        hip, values(before, "score1")[0][..., LSP.index("left_hip")]
    )
    for joint in (0, 1):
        one, other = (values(each, "score1")[0][..., joint] for each in (after, fresh))
        np.testing.assert_array_equal(one, other)
    assert "joints initialised at random: thumb, palm\n" in capsys.readouterr().err
    wider = network(LSP, features=8)
    with pytest.raises(InputError, match="layers of stacks, or start_from=null"):
        start_from(saved(before), wider)


def test_a_shipped_student_is_known_by_its_name(capsys):
    how = {"num_joints": 17, "input_size": 64}
    student = named_network(fpd.build_model("efficientnet_pose_small", **how), COCO)
    start_from("pose-lite", student)
    said = capsys.readouterr().err
    assert (
        "joints initialised at random: nose, left_eye, right_eye, left_ear and 1 more"
        in said
    )
    with pytest.raises(InputError, match="pose-huge: .*pose-lite, pose-small"):
        start_from("pose-huge", student)
    with pytest.raises(InputError, match="huge.keras: .*no such file"):
        start_from("huge.keras", student)


def test_joints_match_however_their_names_are_written(saved, capsys):
    before = network(LSP)
    path = saved(before)
    own = network(JointSet("own", ("KneeR", "tail")), seed=1)
    start_from(path, own)
    kernel, old = values(own, "score1"), values(before, "score1")
    knee = LSP.index("right_knee")
    np.testing.assert_array_equal(kernel[0][..., 0], old[0][..., knee])
    assert "joints initialised at random: tail" in capsys.readouterr().err
