"""The web page in headless Chromium, with photographs: drawn ones, and real ones."""

import json
import shutil
import subprocess
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest

from fpd_tf.bundle.folders import bundle
from fpd_tf.bundle.serve import page_server
from fpd_tf.data.images import read_image
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.geometry import Box
from fpd_tf.inference.draw import LEFT, RIGHT
from fpd_tf.inference.estimator import PoseEstimator
from fpd_tf.predictors.load import load_predictor
from fpd_tf.shipped import POSE_MODEL, shipped

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
INT8 = shipped(POSE_MODEL)
FLOAT16 = INT8.with_name("pose-small.float16.tflite")
LITE = INT8.with_name("pose-lite.int8.tflite")
DRIVER = Path(__file__).with_name("browser.mjs")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> list[Path]:
    """Drawn people, so that nothing is skipped, and real ones where data lies here."""
    drawn = synthesize(tmp_path_factory.mktemp("d") / "people", count=12, seed=0)
    found = sorted((drawn / "images").glob("*.jpg"))[:6]
    found += sorted((SHARED / "lspet" / "images").glob("*.jpg"))[8000:8999:200]
    return found + sorted((SHARED / "mpii-sample" / "images").glob("*.jpg"))


@pytest.fixture(scope="module")
def film(tmp_path_factory, photographs) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.webm"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"VP80"), 25, (160, 120))
    picture = cv2.resize(cv2.imread(str(photographs[-1])), (200, 120))
    for frame in range(40):
        writer.write(np.ascontiguousarray(picture[:, frame : frame + 160]))
    writer.release()
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A drawn person on a photograph of 6000 px, more than phones' canvases hold."""
    path = tmp_path_factory.mktemp("large") / "large.jpg"
    picture = cv2.imread(str(shipped("web/example.jpg")))
    cv2.imwrite(str(path), cv2.resize(picture, (5104, 6000)))
    return path


def few(photographs) -> list[Path]:
    return photographs[:3] + photographs[6:9]


@contextmanager
def served(folder, node_modules):
    """The address of a bundle's page."""
    runtime = folder / "web" / "node_modules" / "@litertjs"
    shutil.copytree(node_modules / "@litertjs", runtime, dirs_exist_ok=True)
    with page_server(folder, 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def plainly_served(folder):
    """The address of a page on a host that sends no headers of ours."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def seen(
    node, node_modules, chromium, bundled, photographs, film, large, tmp_path_factory
) -> dict:
    """What the page said and saved; its screenshots lie in `shots`."""
    shots = tmp_path_factory.mktemp("shots")
    with (
        served(bundled, node_modules) as url,
        served(bundle(INT8, shots / "s", [FLOAT16, LITE]), node_modules) as students,
        plainly_served(bundled / "web") as plain,
    ):
        job = {
            "url": url,
            "students": students,
            "few": list(map(str, few(photographs))),
            "plain": plain,
            "film": str(film),
            "large": str(large),
            "photographs": list(map(str, photographs)),
            "shots": str(shots),
            "tools": str(node_modules.parent),
            "chromium": str(chromium),
        }
        (shots / "job.json").write_text(json.dumps(job))
        finished = subprocess.run(
            [node, DRIVER, shots / "job.json"], capture_output=True, text=True
        )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout) | {"shots": shots, "url": url}


@pytest.fixture(scope="module")
def equals_pythons(student):
    """A function that holds a saved record to what Python finds in its photograph."""
    estimator = PoseEstimator(student)

    def check(record, path):
        pose, size = estimator.predict(path), max(read_image(path).shape)
        assert record["path"] == path.name
        found = np.array(record["joints"])
        np.testing.assert_allclose(found[:, :2], pose.joints, atol=1e-3 * size)
        np.testing.assert_allclose(found[:, 2], pose.scores, atol=0.01)

    return check


def test_joints_of_photographs_equal_pythons(seen, photographs, equals_pythons):
    assert len(seen["photographs"]) == len(photographs) > 5
    for path, record in zip(photographs, seen["photographs"], strict=True):
        equals_pythons(record, path)


@pytest.mark.parametrize("model", [INT8, FLOAT16, LITE], ids=lambda path: path.stem)
def test_one_look_of_each_student_gives_pythons_heatmaps(seen, model):
    predictor = load_predictor(model)
    image = read_image(shipped("web/example.jpg"))
    size = predictor.input_size
    matrix = Box.whole(image.shape[1], image.shape[0]).matrix(size)
    crop = cv2.warpAffine(image, matrix, (size, size))
    expected = predictor.heatmaps(crop[None].astype(np.float32) / 255)
    found = np.reshape(seen["looks"][model.stem], expected.shape)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert expected.max() > 0.2


@pytest.mark.parametrize(
    ("model", "most", "middle", "score"),
    [(INT8, 0.01, 0.01, 1e-3), (LITE, 0.01, 0.01, 1e-3), (FLOAT16, 1, 0.1, 0.05)],
    ids=["pose-small.int8", "pose-lite.int8", "pose-small.float16"],
)
def test_each_student_finds_what_it_finds_in_python(
    seen, photographs, model, most, middle, score
):
    estimator = PoseEstimator(model)
    for path, record in zip(few(photographs), seen["shipped"][model.stem], strict=True):
        pose = estimator.predict(path)
        if record["joints"] is None:
            assert not estimator.rules.score.present(pose.scores)
            continue
        found, expected = np.array(record["joints"]), np.array(pose.rows())
        apart = np.abs(found - expected)
        assert apart[:, :2].max() < most and apart[:, 2].max() < score
        assert np.median(apart[:, :2]) < middle


def test_another_student_looks_at_what_is_shown(seen):
    """And where its file is not there, the one before goes on."""
    assert seen["offered"] == [INT8.stem, FLOAT16.stem, LITE.stem]
    for name in seen["offered"]:
        assert seen["again"][name] == seen["shipped"][name][-1]
    assert seen["unfetched"]["said"].startswith("/pose-lite.int8.tflite could not be")
    assert seen["unfetched"]["chosen"] == "pose.json"
    assert "int8 weights" in seen["unfetched"]["about"]


@pytest.mark.parametrize(
    ("gpu", "runs"),
    [
        ("none", "WebAssembly"),
        ("software", "WebAssembly"),
        ("same", "WebGPU"),
        ("other joints", "WebAssembly"),
        ("slower", "WebAssembly"),
        ("taken away", "WebGPU"),
        ("real", "WebGPU"),
    ],
)
def test_a_gpu_runs_the_network_where_it_finds_the_same(
    seen, equals_pythons, photographs, gpu, runs
):
    """Stand-ins for its answers; "real" is Chromium's own GPU in software, alone with
    a WebAssembly that was made slower than that.
    """
    assert seen["gpu"][gpu]["about"].endswith(f"runs on {runs}")
    equals_pythons(seen["gpu"][gpu]["record"], photographs[0])


@pytest.mark.parametrize(
    ("where", "build"),
    [("safari", "litert_wasm_compat"), ("notIsolated", "litert_wasm")],
)
def test_one_thread_finds_the_same(seen, where, build, photographs, equals_pythons):
    """An isolated page without relaxed SIMD (Safari), and one that is not isolated."""
    assert seen[where]["builds"] == [f"{build}_internal.wasm"]
    equals_pythons(seen[where]["record"], photographs[0])


def test_a_film_is_followed_and_without_network_all_still_works(seen, photographs):
    assert float(seen["rate"]) > 0 and not seen["ratedPicture"]
    seconds = [record["seconds"] for record in seen["film"]]
    assert len(seconds) > 1 and all(np.diff(seconds) > 0)
    for record in seen["film"]:
        assert record["joints"] is None or np.isfinite(record["joints"]).all()
    assert seen["offline"] == seen["photographs"][0]


def test_the_example_is_found_as_in_python(seen, equals_pythons):
    equals_pythons(seen["example"], shipped("web/example.jpg"))


@pytest.mark.parametrize("where", ["#stage", "header"])
def test_a_file_is_dropped_on_the_page(seen, where):
    assert seen["dropped"][where] == seen["photographs"][0]


def test_a_photograph_is_shown_before_anybody_is_found_in_it(seen):
    assert seen["early"] == {"title": "", "label": "Looking for a person"}


def test_the_saved_file_lies_on_the_disk(seen):
    assert seen["downloaded"] == {"name": "joints.json", "content": [seen["example"]]}


def test_joints_of_a_large_photograph_are_its_own_pixels(seen, large):
    found = np.array(seen["large"]["joints"])[:, :2]
    expected = PoseEstimator(FLOAT16).predict(large).joints
    np.testing.assert_allclose(found, expected, atol=2e-3 * 6000)


def test_a_host_without_headers_gets_threads_from_the_service_worker(seen):
    assert seen["host"]["isolated"]
    assert "litert_wasm_threaded_internal.wasm" in seen["host"]["builds"]


def test_nothing_is_fetched_from_elsewhere(seen):
    outside = [url for url in seen["requests"] if not url.startswith(seen["url"])]
    assert [url for url in outside if not url.startswith("blob:")] == []
    assert seen["errors"] == [] and seen["isolated"]
    assert any(url.endswith("threaded_internal.wasm") for url in seen["requests"])


def test_what_cannot_be_decoded_is_a_sentence(seen):
    assert seen["broken"] == "broken.jpg is not a picture that this browser reads."
    assert seen["cleared"] and seen["chosen"] == 0
    assert seen["brokenFilm"] == "broken.webm is not a video that this browser plays."


def test_a_missing_runtime_and_another_model_are_a_sentence(seen):
    said = "LiteRT.js did not load. Was `npm install` run in this folder?"
    assert seen["runtime"] == said
    said = "pose.tflite is not the file that pose.json describes."
    assert seen["model"].startswith(said)


def test_the_skeleton_and_the_heatmaps_are_drawn(seen):
    """Pixels of the two sides' colours, and many that change under heatmaps."""
    skeleton, heatmaps, phone = (
        cv2.imread(str(seen["shots"] / f"{name}.png"))[..., ::-1].astype(int)
        for name in ("skeleton", "heatmaps", "phone")
    )
    for color in (RIGHT, LEFT):
        for picture in (skeleton, heatmaps):
            assert (np.abs(picture - color).max(axis=-1) < 8).sum() > 100
    assert (np.abs(skeleton - heatmaps).max(axis=-1) > 30).mean() > 0.02
    assert phone.shape[1] == 390


def test_the_page_fits_a_phone_and_mirrors_its_front_camera(seen):
    assert seen["widest"] <= 390 and seen["mirrored"]


def test_the_model_is_named(seen):
    said = "14 joints · 96 px · float32 weights · trained on nothing"
    assert seen["about"] == f"{said} · runs on WebAssembly"
