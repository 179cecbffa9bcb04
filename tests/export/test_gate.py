import keras
import pytest

import fpd_tf as fpd
from fpd_tf.contract.pose_json import contract_path, read_contract
from fpd_tf.errors import GateError, InputError
from fpd_tf.export import gate
from fpd_tf.export.audit import check_loadable
from fpd_tf.export.compare import NetworkComparison
from fpd_tf.export.gate import check_drop, drafted, export_gated
from fpd_tf.joints import JointSet
from fpd_tf.models.keras_file import named_network

SIZE = 64


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = fpd.synthesize(tmp_path_factory.mktemp("people") / "mpii", count=24, seed=0)
    return fpd.load_mpii(root, split="val")


def network(size=SIZE):
    """Heatmaps that peak where the picture is bright."""
    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 3), name="image")
    heatmaps = keras.layers.Conv2D(16, 9, 4, "same", name="heatmaps")
    model = keras.Model(image, heatmaps(image))
    return model


class Scored:
    """As much of an Evaluation as the gate looks at."""

    metric = "PCK@0.2"

    def __init__(self, mean):
        self.scores = type("Scores", (), {"mean": mean})


@pytest.mark.parametrize(
    ("after", "max_drop", "holds"),
    [
        (47.4, 0.5, True),
        (47.3, 0.5, True),
        (47.25, 0.5, False),
        (50.0, 0.0, True),
        (50.0, float("nan"), False),
    ],
)
def test_the_gate_holds_and_does_not(after, max_drop, holds):
    comparison = NetworkComparison(Scored(47.8), Scored(after), 0.0, 100.0)
    if holds:
        check_drop(comparison, max_drop, "a.tflite")
        return
    with pytest.raises(GateError, match=r"a.tflite: PCK@0.2 fell .* allowed are"):
        check_drop(comparison, max_drop, "a.tflite")


def test_a_loss_that_is_not_known_does_not_pass():
    comparison = NetworkComparison(Scored(47.8), Scored(float("nan")), 0.0, 100.0)
    with pytest.raises(GateError, match="a.tflite: PCK@0.2: nobody could be scored"):
        check_drop(comparison, 99.0, "a.tflite")


def test_a_gate_without_people_does_not_stay_open(tmp_path):
    with pytest.raises(
        InputError, match="people to compare network and file on. Received: none"
    ):
        export_gated(network(), tmp_path / "student.tflite", held_out=[])
    assert list(tmp_path.iterdir()) == []


def test_integer_ends_pass_the_audit_by_choice_only(people, tmp_path):
    path, options = tmp_path / "student.tflite", {"quantization": "int8", "io": "int8"}
    options |= {"samples": people, "calibration_count": 2, "held_out": people}
    with drafted(network(), path, **options) as draft:
        draft.check(max_drop=100.0)
        assert draft.comparison.tflite.scores.mean >= 0 and not path.exists()
        content = draft.file.read_bytes()
        assert draft.put_in_place() == path
    assert path.read_bytes() == content and not draft.file.exists()
    with pytest.raises(GateError, match="a.tflite: litert_js refuses it: `image` is"):
        check_loadable(draft.audit, "a.tflite")


def test_a_file_that_is_refused_is_not_put_in_place(tmp_path, people):
    path = tmp_path / "student.tflite"
    path.write_bytes(b"old")
    with pytest.raises(GateError, match="student.tflite: PCKh@0.5 fell by 0.00 points"):
        export_gated(network(), path, held_out=people, max_drop=-1.0)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_file_that_a_binding_refuses_is_not_put_in_place(tmp_path, monkeypatch):
    audit = gate.audit_tflite

    def refused(file):
        found = audit(file)
        found.refusals["swift"] = "it is too warm"
        return found

    monkeypatch.setattr(gate, "audit_tflite", refused)
    with pytest.raises(GateError, match="student.tflite: swift refuses it: it is too"):
        export_gated(network(), tmp_path / "student.tflite")
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_an_evaluation_is_not_one_of_writing(tmp_path, people, monkeypatch):
    def fail(*_):
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(gate, "compare_with_network", fail)
    with pytest.raises(ConnectionResetError):
        export_gated(network(), tmp_path / "student.tflite", held_out=people)
    assert list(tmp_path.iterdir()) == []


def test_the_contract_has_the_networks_own_joints_and_limbs(tmp_path):
    names = tuple(f"tip_{number}" for number in range(16))
    star = JointSet("star", names, ((0, 1),), ((2, 3), (3, 4)), {})
    path = export_gated(named_network(network(), star), tmp_path / "star.tflite")
    contract = read_contract(contract_path(path))
    assert contract.joints == names and contract.limbs == star.limbs
    assert contract.flip_pairs == star.flip_pairs and contract.scores is None


def test_a_disk_that_is_full_keeps_the_older_pair(tmp_path, monkeypatch):
    """The pose.json does not fit: the older file is not replaced either."""

    def full(path, _):
        raise InputError.plain(path, "", "it cannot be written: No space left")

    path, stale = tmp_path / "student.tflite", tmp_path / "student.joints.tflite"
    path.write_bytes(b"old")
    stale.write_bytes(b"old")
    monkeypatch.setattr(gate, "write_contract", full)
    with pytest.raises(InputError, match="student.pose.json: it cannot be written"):
        export_gated(network(), path)
    assert path.read_bytes() == stale.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_older_file_with_the_decode_goes_with_the_file_it_came_from(
    people, tmp_path
):
    path, stale = tmp_path / "student.tflite", tmp_path / "student.joints.tflite"
    stale.write_bytes(b"old")
    with pytest.raises(GateError):
        export_gated(network(), path, held_out=people, max_drop=-1.0)
    assert stale.exists() and not path.exists()
    export_gated(network(), path)
    assert path.exists() and not stale.exists()
