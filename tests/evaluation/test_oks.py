import json
import logging
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
from pycocotools.coco import COCO as CocoTable
from pycocotools.cocoeval import COCOeval

from fpd_tf.data.coco import load_coco
from fpd_tf.errors import InputError
from fpd_tf.evaluation.oks import oks_ap
from fpd_tf.joints import COCO, JointSet


@pytest.fixture(scope="module")
def sample(shared_data):
    return shared_data / "coco-sample"


@pytest.fixture(scope="module")
def people(sample):
    return load_coco(sample, "val")


def perturbed(people, pixels, seed=0):
    """Predictions some of which are near, and confidences."""
    random = np.random.default_rng(seed)
    offsets = random.normal(0, pixels, (len(people), 17, 2))
    offsets *= random.uniform(0, 3, (len(people), 1, 1))
    return people.joints + offsets, random.uniform(0, 1, (len(people), 17))


def scored(people, predicted, confidences, joint_set=COCO):
    areas = np.array([person.area for person in people])
    images = [person.image_path for person in people]
    truth = people.joints, people.annotated
    return oks_ap(predicted, *truth, areas, confidences, images, joint_set=joint_set)


def by_pycocotools(file, people, predicted, confidences):
    """The ten numbers for the file itself, less who is no person here."""
    content = json.loads(file.read_text())
    content["annotations"] = [
        each
        for each in content["annotations"]
        if each["num_keypoints"] and not each["iscrowd"]
    ]
    results = [
        {
            "image_id": int(person.image_path.stem),
            "category_id": 1,
            "keypoints": np.column_stack([joints, np.ones(17)]).ravel().tolist(),
            "score": float(scores.mean()),
        }
        for person, joints, scores in zip(people, predicted, confidences, strict=True)
    ]
    with redirect_stdout(StringIO()):
        table = CocoTable()
        table.dataset = content
        table.createIndex()
        run = COCOeval(table, table.loadRes(results), "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats


@pytest.mark.parametrize("pixels", [1, 3, 8])
def test_numbers_are_those_of_pycocotools_on_the_published_file(sample, people, pixels):
    predicted, confidences = perturbed(people, pixels)
    scores = scored(people, predicted, confidences)
    file = sample / "annotations" / "person_keypoints_val2017.json"
    expected = by_pycocotools(file, people, predicted, confidences)
    assert 5 < scores.mean < 99
    np.testing.assert_allclose([*scores.details.values()], 100 * expected, atol=1e-9)
    assert scores.mean == scores.details["AP"] and scores.people == 65


def test_the_truth_itself_scores_100(people):
    scores = scored(people, people.joints, np.ones((len(people), 17)))
    assert scores.mean == scores.auc == scores.joint_mean == pytest.approx(100)
    assert scores.groups["Ankle"] == 100 and scores.counts["nose"] > 20


def one_person(offset, sigmas=(0.1,), confidence=1.0):
    joint = JointSet("dot", ("dot",), groups={"Dot": (0,)}, sigmas=sigmas)
    truth, known = np.zeros((1, 1, 2)), np.ones((1, 1), bool)
    where = np.array([[[offset, 0.0]]])
    sure = np.full((1, 1), confidence)
    return oks_ap(where, truth, known, [10_000], sure, ["a"], joint_set=joint)


def test_a_similarity_by_hand():
    """exp(-d^2 / (2 area (2 sigma)^2)): d = 20 sqrt(2 ln 2) px has a half."""
    half = 20 * np.sqrt(2 * np.log(2))
    near, far = one_person(half - 0.01), one_person(half + 0.01)
    assert near.mean == pytest.approx(10) and near.joints == {"dot": 100.0}
    assert near.curve.tolist() == [100.0] + 9 * [0.0] and near.auc == 10
    assert far.mean == 0 and far.joints == {"dot": 0.0}
    assert near.details["AP50"] == pytest.approx(100) and near.details["AP75"] == 0
    assert np.isnan(near.details["APm"])  # a person of 10,000 pixels is large


def test_joints_without_sigmas_have_the_mean_of_cocos_and_that_is_said(caplog):
    mean = float(np.mean(COCO.sigmas))
    half = 200 * mean * np.sqrt(2 * np.log(2))
    with caplog.at_level(logging.WARNING):
        assert one_person(half - 0.01, None).joints == {"dot": 100.0}
    assert "joint set dot has no sigmas" in caplog.text and "0.067" in caplog.text
    assert one_person(half + 0.01, None).joints == {"dot": 0.0}


def test_who_has_no_labelled_joint_is_left_out(people):
    predicted, confidences = perturbed(people, 6)
    before = scored(people, predicted, confidences)
    truth, known = people.joints, people.annotated.copy()
    known[3] = False
    images = [person.image_path for person in people]
    areas = [person.area for person in people]
    after = oks_ap(predicted, truth, known, areas, confidences, images)
    assert after.people == before.people - 1


def test_an_area_that_is_none_is_refused():
    here, known = np.zeros((1, 17, 2)), np.ones((1, 17), bool)
    with pytest.raises(InputError, match="areas: person 0: .* above 0. Received: 0.0"):
        oks_ap(here, here, known, [0], known, ["a"])


TRUTH = np.arange(68.0).reshape(2, 17, 2)
ALL, AREAS, SURE = np.ones((2, 17), bool), np.full(2, 900.0), np.ones((2, 17))


@pytest.mark.parametrize(
    ("confidences", "images", "message"),
    [
        (SURE[:1], "ab", r"confidences: shape: expected \(2, 17\)"),
        (SURE[:, 0], "ab", r"confidences: shape: expected \(2, 17\)"),
        (SURE * [[1], [np.nan]], "ab", "confidences: person 1: expected finite"),
        (SURE, "a", "images: expected 2, one for each person. Received: 1"),
    ],
)
def test_what_does_not_fit_the_people_is_refused(confidences, images, message):
    with pytest.raises(InputError, match=message):
        oks_ap(TRUTH, TRUTH, ALL, AREAS, confidences, images)


def test_without_labels_there_is_no_score():
    scores = oks_ap(TRUTH, TRUTH, ~ALL, AREAS, SURE, "ab")
    assert scores.people == 0 and np.isnan(scores.mean) and np.isnan(scores.auc)
    assert np.isnan([*scores.details.values()]).all()
