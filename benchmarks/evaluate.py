"""Is evaluation as fast as the network, and how long does scoring take?

4x128 at 256 px on photographs, reading included, beside nothing but the network's calls
on crops in memory. Flip and multi-scale tests call it 2 and 12 times for each person.

    python -m benchmarks.evaluate lspet --short --out runs/bench/evaluate.json
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import fpd_tf as fpd
from benchmarks.measure import compare, publish, seconds
from fpd_tf.codec import decode_heatmaps
from fpd_tf.evaluation.evaluate import PAPER_SCALES, evaluate
from fpd_tf.evaluation.metrics import signed_error
from fpd_tf.predictors.load import load_predictor

QUESTION = "Is evaluation as fast as the network?"
NETWORK, BATCH, SCORED = "the network alone", 32, 3000


def main(
    root: Path,
    short: Annotated[bool, typer.Option(help="64 people, two scales.")] = False,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
):
    """Evaluates in turn with the bare network, prints tables, writes JSON."""
    people, rounds = (2 * BATCH, 2) if short else (8 * BATCH, 3)
    scales = (1.0, 1.2) if short else PAPER_SCALES
    held_out = fpd.load_lsp(root, "val")[:people]
    network = fpd.build_model("hourglass_4x128", num_joints=fpd.LSP.num_joints)
    predict = load_predictor(network)
    crops = np.random.default_rng(0).random((BATCH, 256, 256, 3), np.float32)

    def calls_a_second(run, calls):
        return lambda: people * calls / seconds(run)

    def bare():
        for _ in range(people // BATCH):
            predict(crops)

    def evaluated(calls, **how):
        return calls_a_second(lambda: evaluate(predict, held_out, **how), calls)

    contestants = {
        NETWORK: calls_a_second(bare, 1),
        "evaluate": evaluated(1),
        "evaluate, flip": evaluated(2, flip_test=True),
        f"evaluate, flip, {len(scales)} scales": evaluated(
            2 * len(scales), flip_test=True, scales=scales
        ),
    }
    running = compare(
        "Crops through the network",
        contestants,
        yardstick=NETWORK,
        unit="crops/s",
        rounds=rounds,
    )
    publish(QUESTION, (running, _scoring(rounds)), out, people=people)


def _scoring(rounds):
    """Scoring 3,000 people of whom the answer is known, and decoding their heatmaps."""
    generator = np.random.default_rng(0)
    truth = generator.uniform(0, 1000, (SCORED, 16, 2))
    found = generator.random((SCORED, 16)) < 0.75
    predicted = truth + np.where(found, 10, 90)[..., None]
    known, heads = np.ones((SCORED, 16), bool), np.full(SCORED, 60.0)
    expected = 100 * found[:, fpd.MPII.scored].mean()
    heatmaps = generator.random((BATCH, 64, 64, 16), np.float32)

    def score():
        scores = fpd.pckh(predicted, truth, heads, known)
        assert abs(scores.mean - expected) < 1e-9, scores.mean
        signed_error(predicted, truth, known, heads)

    def decode():
        for _ in range(-(-SCORED // BATCH)):
            decode_heatmaps(heatmaps)

    actions = {"scoring": score, "decoding": decode}
    contestants = {name: lambda run=run: seconds(run) for name, run in actions.items()}
    title = f"{SCORED} people"
    return compare(title, contestants, yardstick="scoring", unit="s", rounds=rounds)


if __name__ == "__main__":
    typer.run(main)
