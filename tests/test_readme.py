import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from fpd_tf.cli import app

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


@pytest.mark.slow
def test_the_python_in_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["pose"].joints.shape == (16, 2)


def commands():
    joined = README.replace("\\\n", " ")
    return [
        line.strip() for line in re.findall(r"^    (fpd .*)$", joined, re.MULTILINE)
    ]


@pytest.mark.parametrize("line", commands())
def test_the_commands_in_the_readme_are_commands(line):
    _, verb, *arguments = shlex.split(line, comments=True)
    command = get_command(app).commands[verb]
    command.make_context(verb, arguments)


def test_every_verb_is_in_the_readme():
    for verb in get_command(app).commands:
        assert f"`fpd {verb}`" in README
