"""A run's curves as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from fpd_tf.files import written_whole


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
    with written_whole(path) as aside:
        figure.savefig(aside, dpi=150)
    return Path(path)


def _draw(axes, history, names, unit):
    for name in names:
        rows = [row for row in history if row.get(name) not in (None, "")]
        epochs = [int(row["epoch"]) for row in rows]
        axes.plot(epochs, [float(row[name]) for row in rows], marker=".", label=name)
    axes.set(xlabel="epoch", ylabel=unit)
    axes.grid(alpha=0.3)
    if names:
        axes.legend(fontsize="small")
