import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import MPII
from fpd_tf.training.kept_predictions import (
    KeptPredictions,
    PredictedJoints,
    person_key,
)

ABOUT = {"views": "turned"}


@pytest.fixture
def predicted():
    random = np.random.default_rng(0)
    return PredictedJoints(
        random.random((3, 16, 2)).astype(np.float32),
        random.random((3, 16)).astype(np.float32),
    )


def test_predictions_are_found_again_in_any_order(tmp_path, predicted):
    kept = KeptPredictions(tmp_path / "kept", MPII, ABOUT)
    kept.write(["a", "b"], PredictedJoints(predicted.joints[:2], predicted.scores[:2]))
    kept.write(["c"], PredictedJoints(predicted.joints[2:], predicted.scores[2:]))
    for again in (kept, KeptPredictions(tmp_path / "kept", MPII, ABOUT)):
        assert again.missing(["c", "d", "a", "d"]) == ["d"]
        found = again.of(["c", "a"])
        np.testing.assert_array_equal(found.joints, predicted.joints[[2, 0]])
        np.testing.assert_array_equal(found.scores, predicted.scores[[2, 0]])


def test_what_a_killed_process_left_is_not_read(tmp_path, predicted):
    kept = KeptPredictions(tmp_path, MPII, ABOUT)
    kept.write(["a", "b", "c"], predicted)
    (tmp_path / "partial-1-x.npz").write_bytes(b"half")
    assert KeptPredictions(tmp_path, MPII, ABOUT).missing(["a", "b"]) == []


@pytest.mark.parametrize("damage", ["cut", "other joints", "pickled"])
def test_a_damaged_file_is_named(tmp_path, predicted, damage):
    kept = KeptPredictions(tmp_path, MPII, ABOUT)
    kept.write(["a", "b", "c"], predicted)
    (file,) = tmp_path.glob("*.npz")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:300])
    elif damage == "pickled":
        np.savez(
            file, keys=np.array([{}]), joints=predicted.joints, scores=predicted.scores
        )
    else:
        np.savez(
            file, keys=np.array(["a"]), joints=predicted.joints, scores=predicted.scores
        )
    with pytest.raises(InputError, match=r"\.npz: it is damaged; delete it"):
        KeptPredictions(tmp_path, MPII, ABOUT)


def test_a_cache_that_is_a_file_is_named(tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(InputError, match="kept: it cannot be made a folder: File ex"):
        KeptPredictions(tmp_path / "kept", MPII, ABOUT)


def test_a_key_follows_the_photograph_and_the_box_but_not_the_place(people, tmp_path):
    person = people[0]
    key = person_key(person)
    copy = shutil.copy(person.image_path, tmp_path / "copy.jpg")
    assert person_key(replace(person, image_path=copy)) == key
    box = Box(person.box.x + 0.5, person.box.y, person.box.side)
    assert person_key(replace(person, box=box)) != key
    assert person_key(people[1]) != key
    assert person_key(replace(person, packed=(0, 0, 0, 9, 9))) != key
    changed = tmp_path / "changed.jpg"
    changed.write_bytes(person.image_path.read_bytes() + b"\0")
    assert person_key(replace(person, image_path=changed)) != key
    with pytest.raises(InputError, match="gone.jpg: expected a photograph"):
        person_key(replace(person, image_path=tmp_path / "gone.jpg"))


def test_what_older_versions_kept_is_still_found(people, tmp_path):
    """The form on disk: names of arrays, and of a person."""
    person = people[0]
    content = hashlib.sha256(person.image_path.read_bytes()).hexdigest()
    box = [round(value, 3) for value in (person.box.x, person.box.y, person.box.side)]
    written = json.dumps([content, None, box])
    key = hashlib.sha256(written.encode()).hexdigest()[:32]
    assert person_key(person) == key
    joints, scores = np.full((1, 16, 2), 7.0), np.full((1, 16), 0.5)
    np.savez(tmp_path / "any.npz", keys=np.array([key]), joints=joints, scores=scores)
    found = KeptPredictions(tmp_path, MPII, ABOUT).of([key])
    np.testing.assert_array_equal(found.joints, joints)
    np.testing.assert_array_equal(found.scores, scores)
