"""The body of test_disagreement: right joints at x = 30, left ones at x = 70."""

import json
from pathlib import Path

import numpy as np

from fpd_tf.data.look_teacher import label_facts
from fpd_tf.data.people import People, Sample
from fpd_tf.geometry import Box
from fpd_tf.joints import JointSet

PARTS = ("shoulder", "wrist", "hip", "ankle")
NAMES = tuple(f"{side}_{part}" for part in PARTS for side in ("right", "left"))
BODY = JointSet("body", NAMES, tuple((at, at + 1) for at in range(0, 8, 2)))
SEEN = np.array([(x, y) for y in (20, 40, 60, 80) for x in (30, 70)], np.float32)


def person(joints, unlabelled=()):
    known = np.ones(8, bool)
    known[list(unlabelled)] = False
    return Sample(Path("a.jpg"), joints, known, known, Box(50, 50, 100))


def test_each_kind_has_its_sentence_and_most_joints_come_first():
    arms, one = SEEN.copy(), SEEN.copy()
    arms[:4] = SEEN[[1, 0, 3, 2]]
    one[6] += 0, 25
    everybody = [
        person(SEEN),
        person(one, [3]),  # two joints
        person(arms),  # four
        person(SEEN + (15, 0)),  # eight, three quarters of 0.2 away each: six
        person(SEEN[BODY.flip_order]),  # eight
        person(SEEN[:, ::-1] * 3),  # eight
        person(SEEN, [0]),  # one
    ]
    people = People(everybody, BODY)
    scores = np.ones((7, 8))
    scores[0, :5] = 0.2  # three sure joints: nobody to judge
    facts = label_facts(people, np.stack([SEEN] * 7), scores)
    assert {**facts.disputed} == {
        4: ["left and right are mirrored"],
        5: ["all labels are far away: another person?"],
        3: ["all labels are shifted"],
        2: ["left and right are mirrored: shoulder, wrist"],
        1: [
            "far away: right_ankle",
            "no label, but predicted with confidence: left_wrist",
        ],
        6: ["no label, but predicted with confidence: right_shoulder"],
    }
    assert list(facts.disputed) == [4, 5, 3, 2, 1, 6]
    assert facts.kinds == {
        "mirrored": 2,
        "shifted": 1,
        "wrong person": 1,
        "elsewhere": 1,
        "missing": 2,
    }
    assert (facts.people, facts.judged) == (7, 6)
    assert json.loads(json.dumps(facts.as_dict()))["kinds"]["missing"] == 2
