"""README and docs cannot go stale: their commands parse, their links exist, their names are registered."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from click.testing import CliRunner

from bench.cli import parse
from bench.cli.main import app
from bench.game.suite import Suite
from bench.play.schedule import Outcome
from reports.site import GENERATED

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
SNIPPETS = {page.name: re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S) for page in PAGES}


def lines_of(text: str) -> list[str]:
    """What the console blocks of a page have to type."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


def commands_of(text: str) -> list[list[str]]:
    """Arguments of `bench`."""
    return [shlex.split(line)[1:] for line in lines_of(text) if line.startswith("bench ")]


LINES = lines_of(README)
TEXTS = [README, *((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("commands.md", "tutorial.md"))]
COMMANDS = [list(arguments) for arguments in dict.fromkeys(tuple(line) for line in commands_of("\n".join(TEXTS)))]


OWNERS = ("protect", "audit", "detect")
"""Commands on a folder of one's own, which tests/bench/owner/test_docs.py runs."""


@pytest.mark.parametrize("arguments", [line for line in COMMANDS if line[0] not in OWNERS], ids=" ".join)
def test_commands_by_example_run(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything is run but the playing itself, and the writing of what is published."""
    played: list[object] = []
    nothing = {"runs": 0, "evaluations": 0, "files": {}, "suites": {}, "own_left_out": 0}
    monkeypatch.setattr("bench.results.export.publish", lambda *_, **__: nothing)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("bench.cli.run.play", lambda cells, **_: played.append(cells))
    monkeypatch.setattr("bench.play.schedule.play_plan", lambda *_: played.append(1) or Outcome())
    monkeypatch.setattr("bench.play.zero_shot.keep_worthwhile", lambda plan: (plan, {}, []))
    monkeypatch.setattr(
        "subprocess.run", lambda *_, **__: type("Done", (), {"returncode": 0, "stdout": "", "stderr": ""})()
    )
    result = CliRunner().invoke(typer.main.get_command(app), arguments)
    assert result.exit_code == 0, result.output
    assert bool(played) == ("run" in arguments and "--dry-run" not in arguments)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_commands_of_the_docs_parse(page: Path) -> None:
    """Options and their kinds of values, without doing anything."""
    for arguments in commands_of(page.read_text(encoding="utf-8")):
        command, rest = typer.main.get_command(app), list(arguments)
        while hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        command.make_context("bench", rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_suites_of_the_docs_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists() or target in GENERATED, target
    for block in re.findall(r"```yaml\n(.*?)```", text, re.S):
        for spec in Suite.model_validate(yaml.safe_load(block)).runs():
            parse.check_spec(spec)


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_exist(target: str) -> None:
    assert (ROOT / target).exists()


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", "\n".join(LINES), re.M):
        assert f"\n{target}: " in makefile


@pytest.mark.parametrize("name", [name for name in SNIPPETS if SNIPPETS[name] and name != "methods.md"])
def test_python_of_the_docs_runs(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The files of docs/methods.md are played by tests/test_contributing.py."""
    monkeypatch.chdir(tmp_path)
    for snippet in SNIPPETS[name]:
        (tmp_path / "snippet.py").write_text(snippet, encoding="utf-8")
        runpy.run_path(str(tmp_path / "snippet.py"))


def test_docs_and_code_agree_on_the_splits() -> None:
    from bench.datasets.emoji.art import owner_indices
    from bench.datasets.emoji.catalog import RENDERINGS

    for count in RENDERINGS.values():
        assert f"{count * len(owner_indices())} " in (ROOT / "docs" / "embedded.md").read_text(encoding="utf-8")
