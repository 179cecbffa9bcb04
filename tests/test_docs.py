"""README and documentation: commands run on drawn data, Python runs, links lead on."""

import glob
import re
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest
from typer.main import get_command

import fpd_tf
from fpd_tf import cli
from fpd_tf.data.coco_write import write_coco
from fpd_tf.data.mpii import load_mpii
from fpd_tf.drawn.layouts import synthesize

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (
        *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
}
TAKES_HOURS = {"docs/results.md", "docs/earlier-results.md"}
NOT_RUN = {
    "import",  # needs a published file: tests/imports
    *("teacher.keras", "lightning.keras"),  # what `fpd import` wrote
    "demo",  # takes minutes: tests/demo/test_job.py
    "serve",  # never ends
    "--devices",  # only where TensorFlow has not begun: tests/training/test_devices.py
}
SMALL_RUN = (
    *("preset=hourglass_2x64", "model.num_stacks=1", "model.num_features=8"),
    *("model.depth=1", "model.stem_width=8", "epochs=1", "data.input_size=32"),
    *("data.sigma=1.0", "data.batch_size=20"),
)
FROM_SCRATCH = (
    *("start_from=null", "warmup_epochs=0"),
    *("student_distance=mse", "distillation_distance=mse"),
)
SMALLER = {
    "train": [part for pair in SMALL_RUN for part in ("--set", pair)],
    "export": ["--max-drop", "100", "--few-people"],
    "synthesize": ["--count", "20"],
    "finetune": [part for pair in FROM_SCRATCH for part in ("--set", pair)],
}
SMALLER["distill"] = SMALLER["train"]
DRAWN = {  # the last people of as many as are drawn
    **{"8001-9000": "201-240", "8001-8300": "201-220", "8301-9000": "221-240"},
}


def commands(page):
    """`fpd VERB ...` lines of a page's code, as lists of arguments."""
    joined = PAGES[page].replace("\\\n", " ")
    lines = re.findall(r"^ *(?:[A-Z_]+=\S+ )?fpd ([a-z].*)$", joined, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def expanded(argument):
    """The files that a pattern means in a shell; else the argument itself."""
    found = sorted(glob.glob(argument)) if "*" in argument else []
    return found or [DRAWN.get(argument, argument)]


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


WITH_COMMANDS = [page for page in PAGES if commands(page)]
WITH_PYTHON = [page for page in PAGES if python_blocks(page)]


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_commands_are_commands(page):
    for verb, *arguments in commands(page):
        get_command(cli.app).commands[verb].make_context(verb, arguments)


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_python_compiles(page):
    for block in python_blocks(page):
        compile(block, page, "exec")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_make_knows_its_targets(page):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    code = re.findall(r"`(make [\w-]+)|^ {4}(make [\w-]+)", PAGES[page], re.MULTILINE)
    assert {"".join(each).removeprefix("make ") for each in code} <= set(targets)


def test_every_verb_is_in_the_readme():
    for verb in get_command(cli.app).commands:
        assert f"`fpd {verb}`" in PAGES["README.md"]


def test_every_public_name_is_in_the_reference():
    for name in fpd_tf.__all__:
        assert f"[`{name}`][fpd_tf." in PAGES["docs/api/index.md"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, movenet_file):
    """Drawn: what the pages call mpii, lspet, leeds, coco, mine, a photograph, a video.

    MoveNet is a toy that marks the brightest pixels.
    """
    folder = tmp_path_factory.mktemp("drawn")
    synthesize(folder / "mpii", "mpii", count=240)
    synthesize(folder / "lspet", "lspet", count=240)
    synthesize(folder / "leeds" / "lsp", "lsp", count=20)
    synthesize(folder / "leeds" / "lspet", "lspet", count=20)
    synthesize(folder / "own", "mpii", count=40)
    write_coco(load_mpii(folder / "own", "all"), folder / "mine.json")
    (folder / "own" / "images").rename(folder / "photos")
    (folder / "mine").mkdir()
    shutil.copy(folder / "mine.json", folder / "mine")
    shutil.copytree(folder / "photos", folder / "mine" / "images")
    shutil.copy(folder / "mine.json", folder / "people.json")
    shutil.copytree(folder / "photos", folder / "images")
    coco = folder / "coco"
    shutil.copytree(folder / "photos", coco / "val2017")
    (coco / "annotations").mkdir()
    published = coco / "annotations" / "person_keypoints_val2017.json"
    shutil.copy(folder / "mine.json", published)
    for name in ("thunder", "lightning", "heavy", "movenet-lightning"):
        shutil.copy(movenet_file, folder / f"{name}.tflite")
    shutil.copytree(ROOT / "tflite" / "models", folder / "tflite" / "models")
    photograph = cv2.imread(str(folder / "mpii" / "images" / "000001.jpg"))
    cv2.imwrite(str(folder / "photo.jpg"), photograph)
    code, size = cv2.VideoWriter.fourcc(*"MJPG"), photograph.shape[1::-1]
    video = cv2.VideoWriter(str(folder / "video.avi"), code, 25, size)
    for _ in range(3):
        video.write(photograph)
    video.release()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in WITH_COMMANDS if p not in TAKES_HOURS])
def test_commands_run(page, drawn, tmp_path, monkeypatch, capfd):
    """In the page's order, on drawn data, with networks and runs made tiny."""
    folder = shutil.copytree(drawn, tmp_path / "data")
    monkeypatch.chdir(folder)
    for verb, *arguments in commands(page):
        if NOT_RUN & {verb, *arguments}:
            continue
        smaller = SMALLER.get(verb, [])
        if "finetune" in arguments:  # the small network has no trained self
            smaller = [*smaller, *SMALLER["finetune"]]
        if verb == "export" and "--max-drop" not in arguments:
            smaller = []
        if verb == "synthesize":
            out = arguments[arguments.index("--out") + 1]
            shutil.rmtree(out, ignore_errors=True)
        given = [name for each in arguments for name in expanded(each)]
        monkeypatch.setattr(sys, "argv", ["fpd", verb, *given, *smaller])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said = capfd.readouterr().err
        assert not stop.value.code, f"fpd {verb} {arguments}: {said}"


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_python_runs(page, tmp_path, monkeypatch):
    """In the page's order; names carry over from block to block."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in python_blocks(page):
        exec(compile(block, page, "exec"), names)


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("mkdocs"), reason="pip install '.[docs]'")
def test_the_site_builds_without_warnings(tmp_path, monkeypatch):
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    monkeypatch.chdir(ROOT)
    build(load_config("mkdocs.yml", site_dir=str(tmp_path), strict=True))


def test_the_picture_of_the_rooms_is_drawn_as_its_script_says(tmp_path):
    from tools import house

    drawn = tmp_path / "house.svg"
    house.main(drawn)
    assert drawn.read_text() == (ROOT / "docs" / "pictures" / "house.svg").read_text()
    for name, block in house.BLOCKS.items():
        package = Path(fpd_tf.__file__).parent
        assert block.room == any(package.glob(f"{name}/__init__.py")), name
