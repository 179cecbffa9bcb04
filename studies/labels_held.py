"""How exact the labels are that a teacher fills in.

    python -m studies.labels_held thunder.tflite lspet

One joint after another is hidden from all people of LSP-extended to train on; where the
teacher fills it in, how far is that from the label? (As parts of the box's side;
mirrored people are left out.)
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from fpd_tf.data.disagreement import disagreement
from fpd_tf.data.repair import repaired
from fpd_tf.training.joint_teacher import JointTeacher
from studies.study import KEPT, KeptOption, ViewsOption, lspet

NEAR = (0.05, 0.1)


def main(
    teacher: Path,
    root: Path,
    views: ViewsOption = "turned",
    kept: KeptOption = KEPT,
):
    """Prints what a teacher repairs, and how exact it fills in."""
    people, _ = lspet(root)
    joints, scores = JointTeacher((teacher,), views).own_joints(people, kept)
    print(repaired(people, joints, scores).counts)
    as_labelled = ~disagreement(people, joints, scores).mirrored.any(axis=1)
    apart = np.linalg.norm(people.joints - joints, axis=2) / people.squares[:, 2:]
    found = []
    for joint in range(people.joint_set.num_joints):
        filled = disagreement(_without(people, joint), joints, scores).missing
        who = as_labelled & people.annotated[:, joint] & filled[:, joint]
        found.append(apart[who, joint])
    found = np.concatenate(found)
    if not found.size:
        print("no hidden joint is filled in")
        return
    for near in NEAR:
        share = 100 * np.mean(found < near)
        print(f"within {near} of the box: {share:.1f} % of {len(found)}")


def _without(people, joint):
    others = np.arange(people.joint_set.num_joints) != joint
    return people.of(
        replace(person, annotated=person.annotated & others) for person in people
    )


if __name__ == "__main__":
    typer.run(main)
