"""Checkpoints of a run: saved after each epoch, restored on resume."""

import csv
import dataclasses
import io
import json
import logging
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from fpd_tf.errors import GateError, InputError
from fpd_tf.files import written_whole
from fpd_tf.models.keras_file import save_network
from fpd_tf.training.recipes import TrainConfig

STATE = "checkpoints/state.npz"
BEFORE = "checkpoints/before.npz"
DIVERGED = 100
BEST = "val_mean"

logger = logging.getLogger("fpd_tf")


@dataclasses.dataclass
class RunState:
    """State of a run: epochs done and their history, one mapping an epoch."""

    epoch: int = 0
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)


def restore(out: Path, network: keras.Model, optimizer) -> RunState:
    """Loads the last complete epoch of a run; without one, the run starts.

    If the last checkpoint is damaged (by its checksums), the one before is used.

    Raises:
        InputError: both are damaged.
    """
    for left in (*out.glob("partial-*"), *(out / STATE).parent.glob("partial-*")):
        left.unlink()
    optimizer.build(network.trainable_variables)
    found = [path for path in (out / STATE, out / BEFORE) if path.is_file()]
    for path in found:
        try:
            return _loaded(path, network.variables + optimizer.variables)
        except InputError as error:
            if path == found[-1]:
                raise
            logger.warning("%s; continuing from the epoch before", error)
    return RunState()


def _loaded(path, variables):
    try:
        with path.open("rb") as file, np.load(file) as saved:
            values = [saved[f"variable{index}"] for index in range(len(variables))]
            history = json.loads(str(saved["history"]))
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    except Exception as error:  # zip, array and json readers each have their own
        raise InputError(path, "", "a whole checkpoint", error) from error
    return RunState(len(history), history)


def best_epoch(history: Sequence[Mapping]) -> int:
    """The first epoch with the highest validation score; 0 if none was scored."""
    scored = [row for row in history if not math.isnan(row.get(BEST, math.nan))]
    return max(scored, key=lambda row: row[BEST])["epoch"] if scored else 0


def has_waited(history: Sequence[Mapping], patience: int | None) -> bool:
    """Whether the best epoch is that many epochs back."""
    best = best_epoch(history)
    return bool(patience and best) and history[-1]["epoch"] - best >= patience


class RunCheckpoint(keras.callbacks.Callback):
    """After each epoch: score; write state, history and student.keras atomically.

    Args:
        out: the run folder.
        state: of the run.
        network: float32 network that receives the weights to score and save.
        trained: network that is trained.
        score: the network's scores, or None.
        config: its `score_every` (the last epoch is always scored), `keep_best` and
            `patience`.
    """

    def __init__(
        self,
        out: Path,
        state: RunState,
        network: keras.Model,
        trained: keras.Model,
        score: Callable[[keras.Model], Mapping[str, float]] | None = None,
        config: TrainConfig = TrainConfig(),
    ):
        super().__init__()
        self.out, self.state, self.score = out, state, score
        self.network, self.trained = network, trained
        self.config = config

    def on_epoch_begin(self, epoch, logs=None):
        self._started, self._rate = time.perf_counter(), self._rate_now()

    def on_train_batch_begin(self, batch, logs=None):
        if batch + 1 == self.params["steps"]:
            self._rate = self._rate_now()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self._stop(f"the loss is {logs['loss']} at step {batch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in logs}}
        row["learning_rate"] = self._rate
        row["seconds"] = round(time.perf_counter() - self._started, 2)
        take_average(self.model.optimizer, self.trained, self.network)
        if not all(np.isfinite(values).all() for values in self.network.get_weights()):
            self._stop("a weight is not finite at the end")
        best = min((each["loss"] for each in self.state.history), default=math.inf)
        if row["loss"] > DIVERGED * best:
            grown = f"the loss has grown from {best:.3g} to {row['loss']:.3g}"
            self._stop(f"{grown} at the end")
        last = epoch + 1 == self.params["epochs"]
        due = (epoch + 1) % self.config.score_every == 0 or last
        scores = self._scores() if self.score and due else {}
        logs.update(scores)
        row.update(scores)
        self.state.history.append(row)
        self.state.epoch = epoch + 1
        self._write()
        if (
            scores
            and BEST not in scores
            and (self.config.keep_best or self.config.patience)
        ):
            expected = "the mean too, which keep_best and patience need"
            raise InputError("score", "", expected, ", ".join(scores))
        if has_waited(self.state.history, self.config.patience):
            self.model.stop_training = True

    def _rate_now(self):
        """Of the step to come."""
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _scores(self):
        scores = self.score(self.network)
        try:
            return {f"val_{name}": float(scores[name]) for name in scores}
        except (TypeError, ValueError, LookupError) as error:
            expected = 'names and numbers, such as {"mean": 61.5}'
            raise InputError("score", "result", expected, repr(scores)) from error

    def _stop(self, reason):
        done = self.state.epoch
        kept = f"; {self.out} keeps the epoch before it" if done else ""
        raise GateError(
            f"{reason} of epoch {done + 1}{kept}. Try a lower learning_rate, or "
            "precision=float32."
        )

    def _write(self):
        best = best_epoch(self.state.history)
        if not self.config.keep_best or best in (0, self.state.epoch):
            save_network(self.network, self.out / "student.keras")
        with written_whole(self.out / "history.csv") as aside:
            aside.write_text(_as_csv(self.state.history))
        variables = self.trained.variables + self.model.optimizer.variables
        arrays = {
            f"variable{index}": keras.ops.convert_to_numpy(variable)
            for index, variable in enumerate(variables)
        }
        (self.out / STATE).parent.mkdir(exist_ok=True)
        with written_whole(self.out / STATE) as aside:
            np.savez(aside, history=json.dumps(self.state.history), **arrays)
            if (self.out / STATE).is_file():
                os.replace(self.out / STATE, self.out / BEFORE)


def take_average(optimizer, trained: keras.Model, network: keras.Model):
    """Copies weights from the trained network, or their running averages.

    An optimizer puts its averages only into the variables that it trains.
    """
    weights = trained.get_weights()
    optimizer.finalize_variable_values(trained.trainable_variables)
    network.set_weights(trained.get_weights())
    trained.set_weights(weights)


def read_history(folder: Path) -> list[dict[str, str]]:
    """The rows of a run's history.csv, one for each epoch."""
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def _as_csv(history):
    names = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
