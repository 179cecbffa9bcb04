"""How fast is a training step beside the reference's, on the same cores?

4x128 learns from 8x256 at 256 px, four images a step, as the paper trains. The
reference is `yardstick_torch`: the teacher in every step. Ours are the objects that
`fpd distill` fits, on a batch that is held in memory:

    exact     the teacher in every step        --set precision=...
    cached    the teacher paid before          --set teacher_cache=true

What reading photographs and cached heatmaps costs: input_pipeline, teacher_cache.

    python -m benchmarks.train_step --short --out runs/bench/train_step.json
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import fpd_tf as fpd
from benchmarks.measure import Contestant, apart, compare, publish, seconds

QUESTION = "How fast is a training step?"
BATCH, SIZE = 4, 256
TEACHER, STUDENT = "hourglass_8x256", "hourglass_4x128"
REFERENCE, ALONE = "PyTorch, teacher in the step", "PyTorch, student alone"


def main(
    short: Annotated[bool, typer.Option(help="Fewer contestants and steps.")] = False,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
):
    """Builds the contestants, lets them run in turn, prints tables, writes JSON."""
    steps, rounds = (3, 3) if short else (8, 5)
    precisions = ("mixed_bfloat16",) if short else ("float32", "mixed_bfloat16")
    student, teacher = (fpd.PRESETS[name] for name in (STUDENT, TEACHER))
    builds = {
        REFERENCE: partial(reference, steps, _shape(student), _shape(teacher)),
        ALONE: partial(reference, steps, _shape(student)),
    }
    for cached in (False, True):
        for precision in precisions:
            name = f"{'cached' if cached else 'exact'}, {precision}"
            builds[name] = partial(ours, steps, precision, cached=cached)
    title = "Distilling 4x128 from 8x256"
    how = {"yardstick": REFERENCE, "unit": "images/s", "rounds": rounds}
    with apart(builds) as contestants:
        beside_teacher = compare(title, contestants, **how)
    beside_student = replace(beside_teacher, yardstick=ALONE)
    publish(QUESTION, (beside_teacher, beside_student), out, batch=BATCH, size=SIZE)


def reference(steps: int, student: dict, teacher: dict | None = None) -> Contestant:
    """The yardstick's step, in a process without TensorFlow."""
    from benchmarks import yardstick_torch

    step = yardstick_torch.Step(student, teacher)
    batch = yardstick_torch.random_batch(BATCH, SIZE)
    return lambda: BATCH / seconds(partial(step, *batch), steps)


def ours(steps: int, precision: str, *, cached: bool) -> Contestant:
    """What a run fits, built."""
    from benchmarks.fitted import run_in_memory, step_rate
    from fpd_tf.training.recipes import configure

    settings = [f"precision={precision}", f"teacher_cache={str(cached).lower()}"]
    config = configure("paper_mpii", settings)
    distiller, dataset = run_in_memory(config, fpd.build_model(TEACHER))
    return partial(step_rate, distiller, dataset, steps)


def _shape(preset):
    return preset.kwargs | {"parameters": preset.parameters}


if __name__ == "__main__":
    typer.run(main)
