"""How accurate a teacher is, or several are, by the mean score of the person.

    python -m studies.seen_clearly thunder.tflite lspet
    python -m studies.seen_clearly thunder.tflite heavy.tflite lspet

The voted joints over the 1,000 people of LSP-extended to validate, limb joints alone;
a row for each range of the mean score that decides who of the unlabelled is left out.
"""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

import fpd_tf as fpd
from fpd_tf.joint_maps import joint_map
from fpd_tf.training.teacher_predictions import teacher_predictions
from fpd_tf.training.unlabelled import CLEAR
from studies.study import KEPT, KeptOption, ViewsOption, limb_mean, lspet

RANGES = ((0.0, 1.0), (0.0, CLEAR), (CLEAR, 0.5), (0.5, 1.0))


def main(
    teachers: list[Path],
    root: Path,
    views: ViewsOption = "turned",
    kept: KeptOption = KEPT,
):
    """Scores teachers on all people, and on three ranges of their mean score."""
    _, people = lspet(root)
    joint_set, predicted = teacher_predictions(people, teachers, kept, views)
    joints = joint_map(joint_set, people.joint_set).joints(predicted.joints)
    mean_scores = predicted.scores.mean(axis=1)
    names = " + ".join(teacher.name for teacher in teachers)
    table = Table("mean score", "people", "limbs", title=f"{names}, {views}")
    for low, high in RANGES:
        who = (mean_scores >= low) & (mean_scores < high)
        about = joints[who], people.joints[who], people.annotated[who]
        limbs = f"{limb_mean(fpd.pck(*about)):.1f}" if who.any() else ""
        table.add_row(f"{low} to {high}", str(who.sum()), limbs)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
