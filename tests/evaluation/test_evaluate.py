import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from fpd_tf.cli.tables import print_evaluation
from fpd_tf.codec import Heatmaps, decode_heatmaps, encode_heatmaps
from fpd_tf.contract.rules import rules_for
from fpd_tf.data.mpii import load_mpii
from fpd_tf.data.people import People
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.errors import InputError
from fpd_tf.evaluation.evaluate import (
    PAPER_SCALES,
    _at_scale_one,
    evaluate,
    fitting_predictor,
    scorer,
)
from fpd_tf.geometry import apply_matrix
from fpd_tf.joint_maps import joint_map
from fpd_tf.joints import LSP, MPII, JointSet
from fpd_tf.models.hourglass import stacked_hourglass
from fpd_tf.models.keras_file import named_network
from fpd_tf.predictors.load import load_predictor
from fpd_tf.predictors.mapped import mapped
from fpd_tf.predictors.predictor import heatmap_predictor
from fpd_tf.predictors.views import with_flip

SIZE = 64


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = synthesize(tmp_path_factory.mktemp("people") / "mpii", count=15, seed=5)
    return load_mpii(root, "train")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return stacked_hourglass(num_stacks=2, num_features=8, depth=1, input_size=SIZE)


def all_knowing(samples, shift=0.0, scale=1.0):
    """A predictor that draws the samples' joints, in order, `shift` crop px off."""
    told, codec = iter([*samples] * 10), Heatmaps(SIZE, sigma=1.0)

    def run(images):
        joints = []
        for sample in (next(told) for _ in images):
            matrix = sample.box.scaled(scale).matrix(SIZE)
            joints.append(apply_matrix(matrix, sample.joints) + shift)
        return codec.encode(np.stack(joints))[0]

    return heatmap_predictor("all-knowing", codec, MPII, rules_for(MPII), run)


def inside(samples):
    """The samples with only those joints annotated that every crop here shows."""
    kept = []
    for sample in samples:
        crop = apply_matrix(sample.box.matrix(SIZE), sample.joints)
        seen = (np.abs(crop - (SIZE - 1) / 2) < 0.7 * SIZE / 2).all(axis=1)
        kept.append(replace(sample, annotated=sample.annotated & seen))
    return samples.of(kept)


def test_an_all_knowing_predictor_scores_100_without_bias(people):
    evaluation = evaluate(all_knowing(people), inside(people), batch_size=4)
    assert evaluation.metric == "PCKh@0.5"
    assert evaluation.scores.mean == 100.0
    np.testing.assert_allclose(evaluation.signed_error, 0, atol=0.02)
    assert evaluation.confidences.shape == (len(people), 16)


def test_a_shift_of_one_crop_pixel_shows_as_a_quarter_heatmap_pixel(people):
    evaluation = evaluate(all_knowing(people, shift=1.0), inside(people))
    np.testing.assert_allclose(evaluation.signed_error, 0.25, atol=0.03)


def test_without_head_sizes_the_metric_is_pck(people):
    headless = [replace(sample, head_size=None) for sample in inside(people)]
    headless = People(headless, MPII, "pck")
    assert evaluate(all_knowing(people), headless).metric == "PCK@0.2"


@pytest.mark.parametrize("scale", [0.8, 1.3])
def test_heatmaps_of_another_scale_come_back_to_scale_one(scale):
    joints = np.random.default_rng(0).uniform(90, 166, (1, 16, 2))
    middle = (256 - 1) / 2
    elsewhere = (joints - middle) / scale + middle
    heatmaps = _at_scale_one(encode_heatmaps(elsewhere)[0], scale)
    np.testing.assert_allclose(decode_heatmaps(heatmaps)[0], joints, atol=0.5)


def test_multi_scale_averages_every_scale(people):
    def run(images):
        return np.full((len(images), 16, 16, 16), next(values), np.float32)

    values = iter(range(6))
    flat = heatmap_predictor("flat", Heatmaps(SIZE), MPII, rules_for(MPII), run)
    evaluation = evaluate(flat, people, scales=PAPER_SCALES, batch_size=len(people))
    assert evaluation.confidences.max() <= 2.5
    assert evaluation.scales == PAPER_SCALES
    with pytest.raises(InputError, match="scales: expected one or more factors"):
        evaluate(flat, people, scales=())


@pytest.mark.parametrize("scales", [1.0, [0], [-1.0], [np.nan], ["wide"]])
def test_scales_that_are_no_factors_are_refused(people, scales):
    with pytest.raises(InputError, match="scales: expected one or more factors above"):
        evaluate(all_knowing(people), people, scales=scales)


def test_flip_test_and_scales_suit_a_network_of_other_joints(people):
    network = stacked_hourglass(
        num_stacks=1, num_features=8, depth=1, input_size=SIZE, num_joints=14
    )
    flipped = with_flip(load_predictor(named_network(network, LSP)))
    by_hand = evaluate(mapped(flipped, MPII), people).joints
    found = evaluate(network, people, flip_test=True, scales=(1.0, 1.0))
    known = joint_map(LSP, MPII).known
    np.testing.assert_allclose(found.joints[:, known], by_hand[:, known], atol=1e-3)
    neck = MPII.index("upper_neck")
    assert found.scores.counts["upper_neck"] == people.annotated[:, neck].sum()


def test_scores_do_not_depend_on_the_batch_size(people, network):
    one, many = (evaluate(network, people, batch_size=size) for size in (5, 13))
    np.testing.assert_allclose(one.joints, many.joints, atol=1e-3)


def test_a_network_and_its_keras_file_score_alike(people, network, tmp_path):
    network.save(tmp_path / "student.keras")
    from_file = evaluate(tmp_path / "student.keras", people, flip_test=True)
    direct = evaluate(network, people, flip_test=True)
    np.testing.assert_array_equal(from_file.joints, direct.joints)


def test_the_scorer_traces_a_network_once(people, network, monkeypatch):
    traced = []

    def load(model):
        traced.append(model)
        return all_knowing(people)

    monkeypatch.setattr("fpd_tf.evaluation.evaluate.load_predictor", load)
    score = scorer(inside(people))
    assert score(network) == score(network)
    assert score(network)["mean"] == 100.0 and traced == [network]
    monkeypatch.setattr("fpd_tf.evaluation.evaluate.make_dataset", None)
    assert score(network)["mean"] == 100.0


def test_a_loaded_predictor_follows_the_weights(people, network):
    predictor = load_predictor(network)
    before = evaluate(predictor, people).confidences
    weights = network.get_weights()
    network.set_weights([0 * weight for weight in weights])
    assert not evaluate(predictor, people).confidences.any()
    network.set_weights(weights)
    np.testing.assert_array_equal(evaluate(predictor, people).confidences, before)
    assert before.any()


def test_other_joints_than_the_samples_are_refused(people, network):
    lsp = [
        replace(
            sample,
            joints=sample.joints[:14],
            annotated=sample.annotated[:14],
            visible=sample.visible[:14],
        )
        for sample in people
    ]
    lsp = People(lsp, LSP, "pck")
    expected = r"joints: expected those of the people, right_ankle, .*: joint_0, "
    with pytest.raises(InputError, match=expected):
        evaluate(network, lsp)


def test_as_many_joints_of_other_names_are_refused(people):
    others = JointSet("others", tuple(f"joint {number}" for number in range(16)))
    wanted = People(people.samples, others, "pck")
    with pytest.raises(InputError, match="all-knowing: joints: .* joint 0, joint 1"):
        evaluate(all_knowing(people), wanted)


def test_a_network_without_names_is_taken_to_have_the_peoples_joints(people, network):
    assert fitting_predictor(network, people).joint_set is MPII


def test_a_list_of_samples_is_refused(people, network):
    with pytest.raises(InputError, match="people: expected People.*: list$"):
        evaluate(network, list(people))
    with pytest.raises(InputError, match="batch_size: expected 1 or more. Received: 0"):
        evaluate(network, people, batch_size=0)


def test_a_photograph_that_vanished_is_named(people, tmp_path):
    gone = tmp_path / "gone.jpg"
    samples = people.of([*people[:2], replace(people[2], image_path=gone)])
    with pytest.raises(InputError, match=f"^{gone}: expected a whole photograph"):
        evaluate(all_knowing(samples), samples)


def test_the_dictionary_is_plain(people):
    content = evaluate(all_knowing(people), inside(people)).as_dict()
    assert content["mean"] == 100.0 and content["flip_test"] is False
    assert set(content["joints"]) == {MPII.joints[joint] for joint in MPII.scored}


def test_a_bias_that_nothing_shows_is_none_in_json(people, capsys):
    evaluation = evaluate(all_knowing(people), inside(people))
    unknown = replace(evaluation, signed_error=np.full(2, np.nan)).as_dict()
    assert (
        json.loads(json.dumps(unknown, allow_nan=False))["signed_error"] == [None] * 2
    )
    print_evaluation("student", unknown)
    assert "no joint is near enough to its label" in capsys.readouterr().out
