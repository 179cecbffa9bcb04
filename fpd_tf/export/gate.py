"""Export with checks: a .tflite is written only if it passes audit and limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from fpd_tf.contract.pose_json import (
    Contract,
    contract_path,
    describe,
    write_contract,
)
from fpd_tf.data.people import People
from fpd_tf.errors import GateError
from fpd_tf.export.audit import Audit, audit_tflite, check_loadable
from fpd_tf.export.compare import NetworkComparison, compare_with_network
from fpd_tf.export.convert import check_place, export_tflite, joints_of
from fpd_tf.export.decode import joints_path
from fpd_tf.files import written_whole
from fpd_tf.models.keras_file import load_network


def check_drop(comparison: NetworkComparison, max_drop: float, name: str) -> None:
    """Checks the loss of accuracy of a file.

    Raises:
        GateError: it lost more, or nothing was scored.
    """
    lost = comparison.drop
    if isnan(lost):
        sentence = "nobody could be scored, so the loss is not known"
        raise GateError(f"{name}: {comparison.network.metric}: {sentence}")
    if not lost <= max_drop:
        before, after = comparison.network.scores, comparison.tflite.scores
        raise GateError(
            f"{name}: {comparison.network.metric} fell by {lost:.2f} points, from "
            f"{before.mean:.2f} to {after.mean:.2f}; allowed are {max_drop:g}"
        )


@dataclass(frozen=True, eq=False)
class Draft:
    """A finished .tflite in a temporary folder, and its checks.

    Args:
        path: where it will be written.
        file: the temporary file.
        audit: of the file.
        comparison: with its network; None without people to compare on.
        contract: its pose.json.
    """

    path: Path
    file: Path
    audit: Audit
    comparison: NetworkComparison | None
    contract: Contract

    def check(self, max_drop: float | None) -> None:
        """Checks that every app can load the file, and its loss of accuracy.

        Integer input and output is a choice: some bindings cannot load such a file.

        Args:
            max_drop: points of mean score; no limit where None.

        Raises:
            GateError: a binding cannot load the file, or it lost more.
        """
        if {each.dtype for each in self.audit.inputs} == {"float32"}:
            check_loadable(self.audit, self.path.name)
        if self.comparison and max_drop is not None:
            check_drop(self.comparison, max_drop, self.path.name)

    def put_in_place(self) -> Path:
        """Writes the file and its pose.json: both, or where the disk is full neither.

        An older decoding file, made from the one that is replaced, is deleted.
        """
        with written_whole(self.path) as aside:
            aside.write_bytes(self.file.read_bytes())
            write_contract(contract_path(self.path), self.contract)
        joints_path(self.path).unlink(missing_ok=True)
        return self.path


@contextmanager
def drafted(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    held_out: People | None = None,
    training_data: str | None = None,
    **options,
) -> Iterator[Draft]:
    """Exports a network to a temporary folder and checks the file.

    Args:
        model: a Keras network or its .keras file.
        path: where the file will be written.
        held_out: people to compare network and file on; not compared where None.
        training_data: of the network, for pose.json.
        options: of `export_tflite`.

    Raises:
        InputError, GateError: as `export_tflite` and `compare_with_network` do.

    Example:
        >>> from fpd_tf.export.gate import drafted
        >>> with drafted("student.keras", "draft.tflite") as draft:
        ...     draft.audit.problems, draft.path.exists()
        ([], False)
    """
    path = Path(path)
    check_place(path)
    if not isinstance(model, keras.Model):
        model = load_network(model)
    named = joints_of(model, options.get("samples"), options.pop("joint_set", None))
    with TemporaryDirectory() as folder:
        file = Path(folder) / path.name
        export_tflite(model, file, joint_set=named, **options)
        audit = audit_tflite(file)
        comparison, facts = None, {"joint_set": named, "training_data": training_data}
        if held_out is not None:
            (comparison,) = compare_with_network(model, [file], held_out)
            facts["scores"] = comparison.reported_scores
        yield Draft(path, file, audit, comparison, describe(file, **facts))


def export_gated(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    held_out: People | None = None,
    max_drop: float = 0.5,
    training_data: str | None = None,
    **options,
) -> Path:
    """`export_tflite` with an audit, a limit on the loss of accuracy, and pose.json.

    Args:
        model: a Keras network or its .keras file.
        path: the file to write.
        held_out: people to compare network and file on; no limit if None.
        max_drop: points of mean score that may be lost on them.
        training_data: of the network, for pose.json.
        options: of `export_tflite`.

    Raises:
        GateError: a binding cannot load the file, or it lost more; no file is
            written.
        InputError: as `export_tflite` does.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.contract.pose_json import read_contract
        >>> from fpd_tf.export.gate import export_gated
        >>> people = fpd.load_mpii(fpd.synthesize("others", count=12), split="val")
        >>> path = export_gated("student.keras", "student.tflite", held_out=people)
        >>> sorted(read_contract("student.pose.json").scores)
        ['AUC', 'PCKh@0.5']
    """
    facts = {"held_out": held_out, "training_data": training_data}
    with drafted(model, path, **facts, **options) as draft:
        draft.check(max_drop)
        return draft.put_in_place()
