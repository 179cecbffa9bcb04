"""What a run leaves on disk after each epoch, and how it is taken up again."""

import csv
import dataclasses
import io
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from pydantic import TypeAdapter

from fpd_tf.data.people import People
from fpd_tf.errors import GateError, InputError
from fpd_tf.files import written_whole
from fpd_tf.models.keras_file import save_network
from fpd_tf.training.recipes import TrainConfig

STATE = "checkpoints/state.npz"
BEFORE = "checkpoints/before.npz"
DIVERGED = 100
PACKAGES = ("fpd_tf", "keras", "tensorflow", "numpy")
SHARED = ("verb", "teacher", "samples", "config")

logger = logging.getLogger("fpd_tf")


@dataclasses.dataclass
class RunState:
    """Where a run stands: epochs done and their history, one mapping an epoch."""

    epoch: int
    history: list[dict[str, float]]


def describe_run(
    verb: str, teacher: str | None, config: TrainConfig, people: People
) -> dict:
    """What config.json says; a resumed run must share all of it that is in SHARED."""
    return {
        "verb": verb,
        "teacher": teacher,
        "config": TypeAdapter(TrainConfig).dump_python(config, mode="json"),
        "samples": len(people),
        "joint_set": people.joint_set.as_dict(),
        "versions": {package: version(package) for package in PACKAGES},
        "command": sys.argv,
    }


def training_data(config: Path) -> str | None:
    """Which data, and how many people, as config.json says; None where there is none.

    Raises:
        InputError: it is no run's.
    """
    if not config.exists():
        return None
    try:
        run = json.loads(config.read_text())
        verb = list(run["command"])
        data = verb[verb.index("--data") + 1] if "--data" in verb else "mpii"
        return f"{data}, {run['samples']} people"
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(config, "", "the settings of a run", repr(error)) from error


def restore(out: Path, description: dict, network, optimizer, resume: bool) -> RunState:
    """Writes config.json of a new run, or checks it and loads the last whole epoch.

    Where the last checkpoint is damaged (its checksums tell) the one before is taken.

    Raises:
        InputError: the run was made with other settings, or both are damaged.
    """
    if not resume or not (out / "config.json").is_file():
        with written_whole(out / "config.json") as aside:
            aside.write_text(json.dumps(description, indent=2))
        return RunState(0, [])
    _check_same_run(out / "config.json", description)
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
            logger.warning("%s; going on from the epoch before", error)
    return RunState(0, [])


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


class RunCheckpoint(keras.callbacks.Callback):
    """After each epoch: score, then write state, history and student.keras, each whole.

    Args:
        out: the run folder.
        state: where the run stands.
        network: float32 network that receives the weights to score and save.
        trained: network that is trained.
        score: the network's scores, or None.
        score_every: epochs between scores; the last epoch is always scored.
    """

    def __init__(
        self,
        out: Path,
        state: RunState,
        network: keras.Model,
        trained: keras.Model,
        score: Callable[[keras.Model], Mapping[str, float]] | None,
        score_every: int,
    ):
        super().__init__()
        self.out, self.state, self.score = out, state, score
        self.network, self.trained = network, trained
        self.score_every = score_every

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self._stop(f"the loss is {logs['loss']} at step {batch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in logs}}
        rate = self.model.optimizer.learning_rate
        row["learning_rate"] = float(keras.ops.convert_to_numpy(rate))
        row["seconds"] = round(time.perf_counter() - self._started, 2)
        take_average(self.model.optimizer, self.trained, self.network)
        if not all(np.isfinite(values).all() for values in self.network.get_weights()):
            self._stop("a weight is not finite at the end")
        best = min((each["loss"] for each in self.state.history), default=math.inf)
        if row["loss"] > DIVERGED * best:
            grown = f"the loss has grown from {best:.3g} to {row['loss']:.3g}"
            self._stop(f"{grown} at the end")
        due = (epoch + 1) % self.score_every == 0 or epoch + 1 == self.params["epochs"]
        if self.score and due:
            scores = {
                f"val_{name}": value for name, value in self.score(self.network).items()
            }
            logs.update(scores)
            row.update(scores)
        self.state.history.append(row)
        self.state.epoch = epoch + 1
        self._write()

    def _stop(self, reason):
        raise GateError(
            f"{reason} of epoch {self.state.epoch + 1}; {self.out} keeps the epoch "
            "before it. Try a lower learning_rate, or precision=float32."
        )

    def _write(self):
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
    """Copies weights from the trained network: running averages where kept.

    An optimizer puts its averages only into the variables that it trains.
    """
    weights = trained.get_weights()
    optimizer.finalize_variable_values(trained.trainable_variables)
    network.set_weights(trained.get_weights())
    trained.set_weights(weights)


def read_history(folder: Path) -> list[dict[str, str]]:
    """The rows of a run's history.csv, one for each epoch."""
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def _check_same_run(path, description):
    try:
        before = json.loads(path.read_text())
        old, new = (
            dict(_fields({name: run[name] for name in SHARED}))
            for run in (before, description)
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(path, "", "the config.json of a run", error) from error
    for field in old | new:
        if old.get(field) != new.get(field):
            own = f"the run's own {old.get(field)!r}"
            raise InputError(path, field, own, new.get(field))


def _fields(settings, prefix=""):
    """(name, value) pairs, those of inner mappings with dots in their names."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _as_csv(history):
    names = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
