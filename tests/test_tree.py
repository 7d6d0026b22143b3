"""Rules of the tree: nothing unsafe, no long file, plain docstrings, and a page that names every room."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("bench", "defenses", "attacks", "leaderboard", "reports", "studies", "benchmarks", "scripts")
SOURCES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
UNSAFE = re.compile(
    r"\bpickle\b|torch\.load\(|trust_remote_code\s*=\s*True|(?<![\w.])eval\(|(?<![\w.])exec\(|yaml\.load\(|shell=True"
    r"|except( Exception)?:\s*pass"
)


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_no_unsafe_call_and_no_long_file(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not UNSAFE.search(text)
    assert len(text.splitlines()) <= 400


def test_unsafe_pattern_catches_what_it_names() -> None:
    for bad in ("import pickle", "torch.load(f)", "x = eval('1')", "yaml.load(f)", "trust_remote_code=True"):
        assert UNSAFE.search(bad)
    assert not UNSAFE.search("model.eval()")


def docstrings(file: Path) -> list[str]:
    """Return the docstrings of a file: of the module, its classes, functions and constants."""
    texts = (node.value for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Expr))
    return [text.value for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)]


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_docstring_opens_with_a_verb_or_a_noun(file: Path) -> None:
    """It says what a thing does or is, and asks no question."""
    assert not [text for text in docstrings(file) if re.match(r"(What|Whether|See|Where|Who|How|Why|When)\b", text)]


@pytest.mark.parametrize("file", [*SOURCES, *PAGES], ids=lambda f: str(f.relative_to(ROOT)))
def test_owner_and_trainer_are_they(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    prose = "\n".join(docstrings(file)) if file.suffix == ".py" else text
    assert not re.findall(r"\b(?:he|she|his|her|him|himself|herself)\b", prose, re.I)


def test_every_room_is_named_in_contributing() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## The rooms\n")[1].split("\n## ")[0]
    if not (ROOT / ".git").exists():
        pytest.skip("the tracked folders are only known in a checkout")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = [Path(line).parts[:-1] for line in tracked.splitlines()]
    top = {parts[0] for parts in folders if parts and not parts[0].startswith(".")}
    inner = {parts[1] for parts in folders if parts[:1] == ("bench",) and len(parts) > 1}
    assert set(re.findall(r"^(\w+)/", section, re.M)) == top
    assert set(re.findall(r"^  (\w+)/", section, re.M)) == inner


def test_torch_stays_out_of_light_modules() -> None:
    """`bench list`, `--help` and `submit validate` must not import torch."""
    code = (
        "import sys; from typer.testing import CliRunner; from bench.cli.main import app; r = CliRunner();"
        "assert r.invoke(app, ['list']).exit_code == 0; assert r.invoke(app, ['--help']).exit_code == 0;"
        "assert r.invoke(app, ['submit', 'validate', 'submissions/mmguard']).exit_code == 0;"
        "print(sorted(m for m in ('torch', 'transformers', 'trl', 'datasets') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
