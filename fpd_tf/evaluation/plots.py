"""Plots of training runs, of tensor ranges, and of exported variants."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fpd_tf.files import written_whole

LEAST_SPREAD = 2.0


def plot_history(history: Sequence[Mapping[str, str]], path: str | Path) -> Path:
    """Draws the loss and, where there are scores, the validation scores of each epoch.

    Args:
        history: the rows of a run's history.csv.
        path: the picture to write; its suffix says the format.

    Example:
        >>> from fpd_tf.evaluation.plots import plot_history
        >>> rows = [{"epoch": 1, "loss": 3}, {"epoch": 2, "loss": 2, "val_mean": 40}]
        >>> plot_history(rows, "curves.png").name
        'curves.png'
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    names = list(dict.fromkeys(name for row in history for name in row))
    _draw(losses, history, [name for name in names if name.endswith("loss")], "loss")
    _draw(scores, history, [name for name in names if name.startswith("val_")], "%")
    losses.set_yscale("log")
    return _save(figure, path)


def plot_ranges(peaks: Mapping[str, Sequence[float]], path: str | Path) -> Path:
    """Plots the largest values of the tensors of a network, on a logarithmic axis.

    Args:
        peaks: statistic -> its value for each tensor, in the order of the network.
        path: the picture to write; its suffix says the format.

    Example:
        >>> from fpd_tf.evaluation.plots import plot_ranges
        >>> peaks = {"median": [1, 3, 2], "largest": [1.2, 800, 3]}
        >>> plot_ranges(peaks, "ranges.png").name
        'ranges.png'
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, values in peaks.items():
        axes.plot(values, marker=".", label=name)
    axes.set(
        xlabel="tensor, in the order of the network",
        ylabel="largest absolute value of an image",
        yscale="log",
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", title="over the images")
    return _save(figure, path)


def plot_variants(
    variants: Mapping[str, tuple[float, float, float]], metric: str, path: str | Path
) -> Path:
    """Plots accuracy against time and size, over at least `LEAST_SPREAD` points.

    Args:
        variants: name -> (score in percent, milliseconds, megabytes).
        metric: of the score.
        path: the picture to write; its suffix says the format.

    Example:
        >>> from fpd_tf.evaluation.plots import plot_variants
        >>> variants = {"none": (47.8, 30, 13), "int8": (47.6, 9, 4)}
        >>> plot_variants(variants, "PCK@0.2", "variants.png").name
        'variants.png'
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axes, place, unit in zip(
        figure.subplots(1, 2, sharey=True), (1, 2), ("ms", "MB"), strict=True
    ):
        for name, values in variants.items():
            axes.plot(values[place], values[0], marker="o", linestyle="", label=name)
        axes.set(xlabel=unit, ylabel=f"{metric}, %", xscale="log")
        axes.grid(alpha=0.3)
    scores = [score for score, _, _ in variants.values()]
    middle = (min(scores) + max(scores)) / 2
    half = max(LEAST_SPREAD, 1.1 * (max(scores) - min(scores))) / 2
    axes.set_ylim(middle - half, middle + half)
    axes.legend(fontsize="small")
    return _save(figure, path)


def _draw(axes, history, names, unit):
    for name in names:
        rows = [row for row in history if row.get(name) not in (None, "")]
        epochs = [int(row["epoch"]) for row in rows]
        axes.plot(epochs, [float(row[name]) for row in rows], marker=".", label=name)
    axes.set(xlabel="epoch", ylabel=unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if names:
        axes.legend(fontsize="small")


def _save(figure, path):
    with written_whole(path) as aside:
        figure.savefig(aside, dpi=150)
    return Path(path)
