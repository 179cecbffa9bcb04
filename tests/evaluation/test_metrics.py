import json
import time

import numpy as np
import pytest
from scipy.io import loadmat

from fpd_tf.errors import InputError
from fpd_tf.evaluation.metrics import pck, pckh, signed_error
from fpd_tf.joints import LSP, MPII

NAN = float("nan")


@pytest.fixture(scope="module")
def golden(shared_data):
    return shared_data / "golden"


def run_mpii(errors, annotated=None, head_sizes=None):
    """PCKh of people who stand at the origin; `errors` (N, 16) pixels to the right."""
    errors = np.asarray(errors, float)
    truth = np.zeros((*errors.shape, 2))
    predicted = truth + np.stack([errors, np.zeros_like(errors)], axis=-1)
    annotated = np.ones(errors.shape, bool) if annotated is None else annotated
    sizes = np.full(len(errors), 10.0) if head_sizes is None else head_sizes
    return pckh(predicted, truth, sizes, annotated)


def lsp_people(num_people):
    """Truth (N, 14, 2) with a torso of 100 pixels, and all joints annotated."""
    truth = np.zeros((num_people, 14, 2))
    truth[:, LSP.index("left_shoulder")] = [60, 80]
    return truth, np.ones((num_people, 14), bool)


def test_published_hourglass_predictions_on_mpii(golden):
    labels = loadmat(golden / "detections_our_format.mat")
    predicted = loadmat(golden / "hg_s8_b1.mat")["preds"]
    corners = labels["headboxes_src"]
    head_sizes = 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)
    truth = labels["pos_gt_src"].transpose(2, 0, 1)
    start = time.perf_counter()
    scores = pckh(predicted, truth, head_sizes, labels["jnt_missing"].T == 0)
    assert time.perf_counter() - start < 0.5
    assert round(scores.joint_mean, 2) == 88.64
    assert round(scores.mean, 3) == 89.092
    assert round(scores.auc, 2) == 58.72
    assert round(scores.curve[10], 2) == 24.49
    assert round(scores.joints["head_top"], 2) == 96.79
    assert [round(score, 2) for score in scores.groups.values()] == [
        97.44,
        95.19,
        90.08,
        85.32,
        87.48,
        84.26,
        80.73,
    ]
    assert scores.counts == {
        "right_ankle": 2115,
        "right_knee": 2485,
        "right_hip": 2889,
        "left_hip": 2888,
        "left_knee": 2478,
        "left_ankle": 2119,
        "upper_neck": 2932,
        "head_top": 2932,
        "right_wrist": 2928,
        "right_elbow": 2935,
        "right_shoulder": 2944,
        "left_shoulder": 2944,
        "left_elbow": 2932,
        "left_wrist": 2909,
    }
    assert scores.people == 2958


def test_published_predictions_on_lsp(golden):
    labels = loadmat(golden / "lsp-joints-PC.mat")["joints"]
    truth = labels[:2, :, 1000:].transpose(2, 1, 0)
    predicted = loadmat(golden / "pred_keypoints_lsp_pc.mat")["pred"].transpose(2, 1, 0)
    scores = pck(predicted, truth, np.ones((1000, 14), bool))
    printed = [90.6, 78.1, 73.8, 68.8, 74.8, 69.9, 58.9]
    half_a_digit = 0.05 + 1e-9
    assert list(scores.groups.values()) == pytest.approx(printed, abs=half_a_digit)
    assert scores.mean == pytest.approx(73.6, abs=half_a_digit)
    assert scores.auc == pytest.approx(39.3, abs=half_a_digit)
    assert scores.people == 1000


def test_pckh_counts_a_distance_of_exactly_half_a_head():
    scores = run_mpii([[5.0] * 16, [5.01] * 16, [8.0] * 16], head_sizes=[10, 10, 16])
    assert scores.mean == pytest.approx(200 / 3)
    assert scores.joints["left_knee"] == pytest.approx(200 / 3)


def test_means_pool_annotations_or_average_joints():
    errors = np.zeros((2, 16))
    errors[:, MPII.index("head_top")] = 9
    annotated = np.zeros((2, 16), bool)
    annotated[:, MPII.index("head_top")] = True
    annotated[0, [MPII.index("upper_neck"), MPII.index("left_knee")]] = True
    scores = run_mpii(errors, annotated)
    assert scores.mean == 50.0
    assert scores.joint_mean == pytest.approx(200 / 3)
    assert scores.groups["Head"] == 50.0
    assert scores.counts["head_top"] == 2


def test_pelvis_and_thorax_are_not_scored():
    errors = np.zeros((1, 16))
    errors[0, [MPII.index("pelvis"), MPII.index("thorax")]] = 1000
    scores = run_mpii(errors)
    assert scores.mean == scores.joint_mean == scores.auc == 100.0
    assert len(scores.joints) == len(scores.counts) == 14


def test_joint_nobody_annotated_is_nan_and_in_no_mean():
    annotated = np.ones((2, 16), bool)
    annotated[:, [0, 1, 4]] = False
    truth = np.where(annotated[..., None], np.zeros(2), NAN)
    scores = pckh(truth, truth, [10, 10], annotated)
    assert np.isnan(scores.joints["right_ankle"])
    assert np.isnan(scores.groups["Knee"])
    assert scores.groups["Ankle"] == scores.mean == scores.joint_mean == 100.0
    assert scores.counts["right_ankle"] == 0


def test_no_annotation_at_all_scores_nan():
    scores = run_mpii(np.zeros((1, 16)), np.zeros((1, 16), bool))
    assert np.isnan([scores.mean, scores.joint_mean, scores.auc]).all()


def test_auc_is_the_trapezoid_over_thresholds():
    scores = run_mpii([[2.5] * 16])
    assert scores.thresholds[[0, 1, -1]] == pytest.approx([0, 0.01, 0.5])
    assert scores.curve.tolist() == [0.0] * 25 + [100.0] * 26
    assert scores.auc == pytest.approx(51.0)


def test_pck_measures_in_torsos_of_the_truth():
    truth, annotated = lsp_people(2)
    predicted = truth.copy()
    predicted[0] += [0, 20]
    predicted[1] += [0, 20.1]
    scores = pck(predicted, truth, annotated)
    assert scores.mean == 50.0
    assert scores.thresholds[-1] == 0.2 and len(scores.curve) == 21
    assert scores.auc == pytest.approx(50 * 0.5 / 20)


def test_pck_leaves_out_people_without_a_torso():
    truth, annotated = lsp_people(4)
    annotated[1, LSP.index("left_shoulder")] = False
    annotated[2, LSP.index("right_hip")] = False
    truth[3] = 0
    predicted = truth.copy()
    predicted[1:] += 1000
    scores = pck(predicted, truth, annotated)
    assert scores.people == 1
    assert scores.mean == 100.0
    assert set(scores.counts.values()) == {1}


def test_pck_scores_the_joint_set_that_it_is_told():
    truth = np.zeros((1, 16, 2))
    truth[0, MPII.index("left_shoulder")] = [0, 50]
    scores = pck(truth, truth, np.ones((1, 16), bool), joint_set=MPII)
    assert scores.mean == 100.0 and "upper_neck" in scores.joints
    with pytest.raises(InputError, match=r"expected \(N, 14, 2\).*: \(1, 16, 2\)$"):
        pck(truth, truth, np.ones((1, 16), bool))


def test_signed_error_is_the_median_of_near_hits_in_heatmap_pixels():
    truth = np.zeros((3, 16, 2))
    predicted = np.zeros((3, 16, 2))
    predicted[0] = [2, -1]
    predicted[1] = [4, -2]
    predicted[1, 1] = [16, -2]
    predicted[2] = [13, 0]
    annotated = np.ones((3, 16), bool)
    annotated[0, 1:] = annotated[1, 2:] = False
    bias = signed_error(predicted, truth, annotated, [4, 8, 4])
    assert bias.tolist() == [0.5, -0.25]
    assert np.isnan(signed_error(predicted + 99, truth, annotated, [4, 8, 4])).all()


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"predicted": np.zeros((2, 14, 2))}, r"\(2, 14, 2\)"),
        ({"ground_truth": np.zeros((2, 16))}, r"\(2, 16\)"),
        ({"annotated": np.ones((2, 14), bool)}, r"\(2, 14\)"),
        ({"head_sizes": np.ones(3)}, r"\(3,\)"),
        ({"head_sizes": np.array([10, 0])}, "0.0"),
        ({"head_sizes": np.array([10, NAN])}, "nan"),
        ({"predicted": np.full((2, 16, 2), NAN)}, r"\[nan nan\]"),
        ({"ground_truth": np.full((2, 16, 2), NAN)}, r"\[nan nan\]"),
    ],
)
def test_input_that_does_not_fit_names_what_was_received(change, received):
    people = {
        "predicted": np.zeros((2, 16, 2)),
        "ground_truth": np.zeros((2, 16, 2)),
        "head_sizes": np.ones(2),
        "annotated": np.ones((2, 16), bool),
    }
    field = next(iter(change))
    with pytest.raises(InputError, match=rf"^{field}.*Received: {received}$"):
        pckh(**people | change)


def test_as_dict_is_plain_json_with_none_for_nan():
    annotated = np.ones((1, 16), bool)
    annotated[0, 0] = False
    scores = run_mpii(np.zeros((1, 16)), annotated)
    read = json.loads(json.dumps(scores.as_dict(), allow_nan=False))
    assert read["joints"]["right_ankle"] is None
    assert read["groups"]["Ankle"] == read["mean"] == 100.0
    assert read["counts"]["right_ankle"] == 0 and read["people"] == 1
    assert len(read["curve"]) == len(read["thresholds"]) == 51
