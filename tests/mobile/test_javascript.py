import json
import re
import shutil
import subprocess

from fpd_tf.shipped import shipped


def test_every_file_of_the_page_is_kept_for_when_there_is_no_network():
    web = shipped("web")
    kept = set(re.findall(r"'([\w./]+)'", (web / "sw.js").read_text()))
    page = [*web.glob("*.*"), *web.glob("pose/*")]
    names = {path.relative_to(web).as_posix() for path in page}
    beside = {"README.md", "index.html", "package.json", "package-lock.json", "sw.js"}
    assert names - beside - {".gitignore"} <= kept


def test_the_page_can_be_installed():
    web = shipped("web")
    page, said = (web / "index.html").read_text(), web / "manifest.webmanifest"
    assert f'<link rel="manifest" href="{said.name}">' in page
    manifest = json.loads(said.read_text())
    assert manifest["start_url"] == "./" and manifest["display"] == "standalone"
    assert all((web / icon["src"]).is_file() for icon in manifest["icons"])


def test_numbers_that_change_with_each_frame_are_not_read_aloud():
    page = (shipped("web") / "index.html").read_text()
    assert re.findall(r'id="(\w+)" role="(alert|status|log)"', page) == [
        ("problem", "alert")
    ]
    assert "aria-live" not in page


def test_javascript_computes_the_golden_joints_in_node(node, bundled):
    finished = subprocess.run(
        [node, "--test", "test/"], cwd=bundled / "web", capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout
    assert "# pass 8" in finished.stdout and "# fail 0" in finished.stdout


AROUND = """// @ts-check
const canvas = document.createElement('canvas');
const {width, height} = canvas;
const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
/** @param {{x: number, y: number}[]} joints @param {number[]} scores */
function show(joints, scores) {}
"""


def test_javascript_types_hold(node, node_modules, bundled, shown_block, tmp_path):
    """Of the page, and of what its README shows."""
    web = shutil.copytree(bundled / "web", tmp_path / "web")
    (web / "shown.js").write_text(AROUND + shown_block("js", web / "README.md"))
    config = {
        "compilerOptions": {
            "allowJs": True,
            "checkJs": True,
            "noEmit": True,
            "strict": True,
            "target": "es2022",
            "module": "es2022",
            "moduleResolution": "bundler",
            "lib": ["es2022", "dom", "dom.iterable"],
            "skipLibCheck": True,
            "types": [],
            "paths": {
                "@litertjs/*": [str(node_modules / "@litertjs" / "*")],
            },
        },
        "files": [str(web / "app.js"), str(web / "shown.js")],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    compiler = node_modules / "typescript" / "bin" / "tsc"
    finished = subprocess.run(
        [node, compiler, "-p", tmp_path], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout
