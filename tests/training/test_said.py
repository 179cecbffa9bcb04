import shutil
from dataclasses import replace

import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import MPII
from fpd_tf.training.said import KeptJoints, Said, person_key

ABOUT = {"views": "turned"}


@pytest.fixture
def said():
    random = np.random.default_rng(0)
    return Said(
        random.random((3, 16, 2)).astype(np.float32),
        random.random((3, 16)).astype(np.float32),
    )


def test_what_was_said_is_found_again_in_any_order(tmp_path, said):
    kept = KeptJoints(tmp_path / "kept", MPII, ABOUT)
    kept.write(["a", "b"], Said(said.joints[:2], said.scores[:2]))
    kept.write(["c"], Said(said.joints[2:], said.scores[2:]))
    for again in (kept, KeptJoints(tmp_path / "kept", MPII, ABOUT)):
        assert again.missing(["c", "d", "a", "d"]) == ["d"]
        found = again.of(["c", "a"])
        np.testing.assert_array_equal(found.joints, said.joints[[2, 0]])
        np.testing.assert_array_equal(found.scores, said.scores[[2, 0]])


def test_what_a_killed_process_left_is_not_read(tmp_path, said):
    kept = KeptJoints(tmp_path, MPII, ABOUT)
    kept.write(["a", "b", "c"], said)
    (tmp_path / "partial-1-x.npz").write_bytes(b"half")
    assert KeptJoints(tmp_path, MPII, ABOUT).missing(["a", "b"]) == []


@pytest.mark.parametrize("damage", ["cut", "other joints", "pickled"])
def test_a_damaged_file_is_named(tmp_path, said, damage):
    kept = KeptJoints(tmp_path, MPII, ABOUT)
    kept.write(["a", "b", "c"], said)
    (file,) = tmp_path.glob("*.npz")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:300])
    elif damage == "pickled":
        np.savez(file, keys=np.array([{}]), joints=said.joints, scores=said.scores)
    else:
        np.savez(file, keys=np.array(["a"]), joints=said.joints, scores=said.scores)
    with pytest.raises(InputError, match=r"\.npz: it is damaged; delete it"):
        KeptJoints(tmp_path, MPII, ABOUT)


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
