"""How does cost grow with image size, stacks, channels and people?

One hourglass is varied along one axis at a time: a forward pass in float32 and a
training step in mixed_bfloat16, images in memory. For people: making the dataset and
its first batch. What memory does is `memory.py`'s question.

    python -m benchmarks.scaling lspet --short --out runs/bench/scaling.json
"""

from functools import cache, partial
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer

import fpd_tf as fpd
from benchmarks.fitted import random_batch, run_in_memory, step_rate
from benchmarks.measure import compare, publish, seconds
from fpd_tf.predictors.load import load_predictor
from fpd_tf.training.recipes import configure

QUESTION = "How does cost grow?"
BATCH = 4
LONG = {
    "input_size": (128, 192, 256, 320),
    "num_stacks": (1, 2, 4, 8),
    "num_features": (32, 64, 128, 256),
}
SHORT = {"input_size": (128, 256), "num_stacks": (1, 2), "num_features": (64, 128)}
BASE = {
    False: {"input_size": 256, "num_stacks": 4, "num_features": 128},
    True: {"input_size": 128, "num_stacks": 1, "num_features": 64},
}
PEOPLE = (100, 1_000, 10_000, 100_000)


def main(
    root: Path,
    short: Annotated[bool, typer.Option(help="Small networks, two sizes.")] = False,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
):
    """Varies each axis, prints a table for each and writes JSON."""
    repeats, rounds = 8, 3 if short else 5
    tables = [
        _along(axis, values, BASE[short], repeats, rounds)
        for axis, values in (SHORT if short else LONG).items()
    ]
    tables.append(_people(fpd.load_lsp(root), PEOPLE[:3] if short else PEOPLE, rounds))
    publish(QUESTION, tables, out, base=BASE[short], batch=BATCH)


def _along(axis, values, base, repeats, rounds):
    """Milliseconds an image, of a pass and of a step, for each value."""
    contestants = {}
    for value in values:
        shape = base | {axis: value}
        giga = fpd.model_cost(fpd.stacked_hourglass(**shape)).giga_operations
        for work, run in _built(**shape).items():
            contestants[f"{value} ({giga:.2f} G), {work}"] = partial(run, repeats)
    first = next(iter(contestants))
    title = f"{axis}, an image"
    return compare(title, contestants, yardstick=first, unit="ms", rounds=rounds)


@cache
def _built(input_size, num_stacks, num_features):
    """A pass and a step of one hourglass."""
    model = {"num_stacks": num_stacks, "num_features": num_features}
    predict = load_predictor(fpd.stacked_hourglass(input_size=input_size, **model))
    images = random_batch(input_size, BATCH)[0]
    settings = [
        "precision=mixed_bfloat16",
        f"data.batch_size={BATCH}",
        f"data.input_size={input_size}",
        *(f"model.{name}={value}" for name, value in model.items()),
    ]
    distiller, dataset = run_in_memory(configure("paper_mpii", settings))
    return {
        "pass": lambda times: 1000 / BATCH * seconds(partial(predict, images), times),
        "step": lambda times: 1000 / step_rate(distiller, dataset, times),
    }


def _people(photographed, counts, rounds):
    """Seconds to the first training batch, for so many people."""

    def first_batch(count):
        people = photographed.of(islice(cycle(photographed), count))
        config = fpd.DataConfig(batch_size=BATCH)
        return seconds(
            lambda: next(iter(fpd.make_dataset(people, config, training=True)))
        )

    contestants = {f"{count:,} people": partial(first_batch, count) for count in counts}
    title = "To the first training batch"
    first = next(iter(contestants))
    return compare(title, contestants, yardstick=first, unit="s", rounds=rounds)


if __name__ == "__main__":
    typer.run(main)
