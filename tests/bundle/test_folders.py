import json
import shutil
import sys
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import keras
import pytest

from fpd_tf import cli
from fpd_tf.bundle.folders import PLACES, bundle, check_bundle
from fpd_tf.bundle.serve import page_server
from fpd_tf.contract.pose_json import (
    contract_path,
    describe,
    read_contract,
    write_contract,
)
from fpd_tf.errors import GateError, InputError
from fpd_tf.export.audit import audit_tflite
from fpd_tf.export.convert import export_tflite
from fpd_tf.files import sha256_of
from fpd_tf.joints import LSP


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    image = keras.Input((64, 64, 3), name="image")
    heatmaps = keras.layers.Conv2D(14, 5, 4, "same", name="heatmaps")(image)
    return keras.Model(image, heatmaps)


@pytest.fixture(scope="module")
def model(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "student.tflite"
    return export_tflite(network, path, joint_set=LSP)


@pytest.fixture(scope="module")
def bundled(model, tmp_path_factory):
    return bundle(model, tmp_path_factory.mktemp("whole") / "bundle")


@pytest.fixture
def folder(bundled, tmp_path):
    """A bundle to spoil."""
    return Path(shutil.copytree(bundled, tmp_path / "bundle"))


def test_each_folder_has_model_contract_vectors_and_sources(bundled, model):
    for platform, (resources, tests) in PLACES.items():
        place = bundled / platform / resources
        assert (place / "pose.tflite").read_bytes() == model.read_bytes()
        assert json.loads((place / "pose.json").read_text())["joints"][13] == "head_top"
        assert (bundled / platform / tests / "golden.json").is_file()
        assert (bundled / platform / "README.md").is_file()
    for source in (
        "RULES.md",
        "android/pose/src/main/kotlin/fpd/pose/Decode.kt",
        "android/pose/build.gradle.kts",
        "ios/Sources/FPDPose/Decode.swift",
        "ios/Sources/FPDPose/Resources/PrivacyInfo.xcprivacy",
        "web/pose/decode.js",
        "web/package-lock.json",
    ):
        assert (bundled / source).is_file(), source
    assert not list(bundled.rglob("node_modules"))
    schema = json.loads((bundled / "pose.schema.json").read_text())
    contract = json.loads((bundled / "web" / "pose.json").read_text())
    assert schema["properties"].keys() == contract.keys()


def test_a_whole_bundle_passes(bundled, model):
    contract = check_bundle(bundled)
    assert contract.model.sha256 == describe(model).model.sha256
    assert contract.model.file == "pose.tflite"


def test_the_contract_beside_the_model_is_taken_over(model, tmp_path):
    copy = Path(shutil.copy(model, tmp_path / "student.tflite"))
    write_contract(contract_path(copy), describe(copy, training_data="LSP"))
    assert check_bundle(bundle(copy, tmp_path / "b")).training_data == "LSP"
    write_contract(contract_path(copy), describe(model))
    copy.write_bytes(copy.read_bytes() + b"more")
    with pytest.raises(InputError, match="student.tflite: SHA-256"):
        bundle(copy, tmp_path / "c")
    assert not (tmp_path / "c").exists() and not list(tmp_path.glob("partial*"))


@pytest.fixture(scope="module")
def second(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("second") / "other.float16.tflite"
    return export_tflite(network, path, quantization="float16", joint_set=LSP)


def test_the_page_offers_each_student_with_its_contract(
    model, second, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "bundle"
    models = ("--model", model, "--model", second)
    assert run_fpd(monkeypatch, "bundle", *models, "--out", out) == 0
    assert json.loads((out / "web" / "students.json").read_text()) == [
        {"name": "student", "contract": "pose.json"},
        {"name": "other.float16", "contract": "other.float16.pose.json"},
    ]
    offered = read_contract(out / "web" / "other.float16.pose.json")
    assert offered.model.sha256 == describe(second).model.sha256
    for platform in ("android", "ios"):
        (file,) = (out / platform).rglob("*.tflite")
        assert file.read_bytes() == model.read_bytes()
    (out / "web" / "other.float16.tflite").write_bytes(model.read_bytes())
    with pytest.raises(InputError, match="other.float16.tflite: SHA-256"):
        check_bundle(out)


def test_two_students_of_one_name_are_refused(model, second, tmp_path):
    again = shutil.copy(model, tmp_path / second.name)
    with pytest.raises(InputError, match="has another other.float16; give it another"):
        bundle(second, tmp_path / "bundle", also=[again])
    assert not (tmp_path / "bundle").exists()


def test_a_student_that_a_binding_refuses_is_not_offered(
    model, second, tmp_path, monkeypatch
):
    def audited(path):
        audit = audit_tflite(path)
        if Path(path) == second:
            audit.refusals["litert_js"] = "`image` is int8"
        return audit

    monkeypatch.setattr("fpd_tf.bundle.folders.audit_tflite", audited)
    with pytest.raises(GateError, match="other.float16.* litert_js refuses it"):
        bundle(model, tmp_path / "bundle", also=[second])


def test_what_was_added_to_a_bundle_is_left_alone(folder):
    (folder / "web" / "node_modules").mkdir()
    (folder / "web" / "node_modules" / "more.js").write_text("more")
    check_bundle(folder)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("web/pose/decode.js", "web/pose/decode.js: SHA-256: expected"),
        ("android/pose/src/main/assets/pose.tflite", "pose.tflite: SHA-256: expected"),
        ("ios/Tests/FPDPoseTests/Resources/golden.json", "golden.json: SHA-256"),
    ],
)
def test_a_changed_file_is_named(folder, path, said):
    with (folder / path).open("ab") as file:
        file.write(b" ")
    with pytest.raises(InputError, match=said):
        check_bundle(folder)


BROKEN_LISTS = ({}, ["web/index.html"], {"web/index.html": 1})


def test_a_missing_file_and_a_missing_list_are_named(folder):
    (folder / "web" / "pose" / "crop.js").unlink()
    with pytest.raises(InputError, match="crop.js: SHA-256: .* Received: missing"):
        check_bundle(folder)
    for broken in ([], *({"files": each} for each in BROKEN_LISTS)):
        (folder / "bundle.json").write_text(json.dumps(broken))
        with pytest.raises(InputError, match="bundle.json: expected the list"):
            check_bundle(folder)


@pytest.mark.parametrize("students", [{"a": 1}, [1], 3, None, [{"name": "x"}]])
def test_a_list_of_students_that_is_none_is_named(folder, students):
    listed = folder / "web" / "students.json"
    listed.write_text(json.dumps(students))
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["files"]["web/students.json"] = sha256_of(listed)
    (folder / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="students.json: expected a list of students"):
        check_bundle(folder)


def test_a_folder_of_something_else_is_no_bundle(tmp_path):
    with pytest.raises(InputError, match="is not a bundle: no android, ios, web$"):
        check_bundle(tmp_path)


def test_folders_of_two_bundles_are_told_apart(folder, network, tmp_path):
    other = export_tflite(network, tmp_path / "other.tflite", quantization="float16")
    shutil.rmtree(folder / "ios")
    shutil.copytree(bundle(other, tmp_path / "second") / "ios", folder / "ios")
    with pytest.raises(InputError, match="ios: its pose.json is not that of android"):
        check_bundle(folder)


def test_vectors_that_python_does_not_compute_are_refused(folder, monkeypatch):
    monkeypatch.setattr("fpd_tf.codec.LOG_FLOOR", 0.05)
    with pytest.raises(
        InputError, match="golden.json: this fpd_tf computes other joints"
    ):
        check_bundle(folder)


def test_a_model_that_a_binding_refuses_is_not_bundled(model, tmp_path, monkeypatch):
    audit = audit_tflite(model)
    audit.refusals["litert_js"] = "`image` is int8"
    monkeypatch.setattr("fpd_tf.bundle.folders.audit_tflite", lambda path: audit)
    with pytest.raises(GateError, match="litert_js refuses it: `image` is int8"):
        bundle(model, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_kept(model, tmp_path):
    (tmp_path / "kept.txt").write_text("kept")
    with pytest.raises(InputError, match="it exists already"):
        bundle(model, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"]


@pytest.fixture
def served(folder):
    """A function that asks the page server of a bundle for a path."""
    runtime = folder / "web" / "node_modules" / "@litertjs" / "core"
    runtime.mkdir(parents=True)
    (folder / "web" / "out.txt").symlink_to(folder / "bundle.json")
    server = page_server(folder, 0)
    Thread(target=server.serve_forever, daemon=True).start()

    def get(path):
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request("GET", path)
        return connection.getresponse()

    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(InputError, match="--port: expected a free port"):
        page_server(folder, server.server_port)
    yield get
    server.shutdown()
    server.server_close()


def test_the_page_is_served_isolated_and_never_stale(served):
    answer = served("/")
    assert answer.status == 200 and b"<title>" in answer.read()
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert served("/app.js").headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["/../bundle.json", "/%2e%2e/bundle.json", "/out.txt", "/pose/", "/none"]
)
def test_nothing_but_the_pages_files_is_served(served, path):
    assert served(path).status == 404


def test_a_page_without_its_runtime_says_what_to_run(folder):
    with pytest.raises(InputError, match="run `npm install` in .*web once"):
        page_server(folder, 0)
    with pytest.raises(InputError, match="is not a bundle: no index.html"):
        page_server(folder / "ios", 0)


def run_fpd(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["fpd", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def test_the_verb_writes_and_checks(model, tmp_path, monkeypatch, capsys):
    out = tmp_path / "bundle"
    assert run_fpd(monkeypatch, "bundle", "--model", model, "--out", out) == 0
    assert "valid; float32 model, 64 px, 14 joints" in capsys.readouterr().out
    assert run_fpd(monkeypatch, "bundle", "--check", out) == 0
    found = out.with_name("found.json")
    assert run_fpd(monkeypatch, "audit", out, "--json", found) == 0
    assert json.loads(found.read_text())["bundle"]["size"] == 64
    (out / "web" / "app.js").write_text("")
    assert run_fpd(monkeypatch, "bundle", "--check", out) == 2
    assert "app.js: SHA-256" in capsys.readouterr().err
    assert run_fpd(monkeypatch, "bundle", "--model", model) == 2
    assert run_fpd(monkeypatch, "bundle", "--serve", out) == 2
