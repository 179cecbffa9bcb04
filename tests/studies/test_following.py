import numpy as np
import pytest

import fpd_tf as fpd
from fpd_tf.codec import Heatmaps
from fpd_tf.contract.rules import rules_for
from fpd_tf.predictors.predictor import heatmap_predictor
from studies import following


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("d") / "lspet", "lspet", count=50)
    return fpd.load_lsp(root, "val")


def seeing(value):
    """Heatmaps with their joints in the middle of the crop."""

    def heatmaps(images):
        maps = np.zeros((len(images), 16, 16, 14), np.float32)
        maps[:, 8, 8] = value
        return maps

    return heatmap_predictor("m", Heatmaps(64), fpd.LSP, rules_for(fpd.LSP), heatmaps)


@pytest.mark.parametrize("share", following.SHARES)
def test_a_person_fills_its_share_of_a_frame_and_lies_in_it(people, share):
    frame, person = following.scene(people[0], people[1], share)
    assert frame.shape == (480, 640, 3) and np.ptp(frame) > 100
    known = person.joints[person.annotated]
    assert np.ptp(known, axis=0).max() == pytest.approx(share * 480, rel=1e-4)
    assert known.min() > 0 and (known < (640, 480)).all()


def test_a_frame_without_an_answer_is_missed(people):
    frame, person = following.scene(people[0], people[1], 0.4)
    found = following.followed(seeing(0.1), frame)
    assert found.shape == (following.FRAMES, 14, 2) and found.max() < -1000
    assert following.limbs([(frame, person)], found[:1]) == 0
    assert following.limbs([(frame, person)], [person.joints]) == 100
    assert following.followed(seeing(0.9), frame)[0, 0] == pytest.approx([339.5, 259.5])
