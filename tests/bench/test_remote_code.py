"""No code of a checkpoint is run: every `from_pretrained` of the tree says so, for then nothing is ever asked."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bench", "defenses", "attacks", "leaderboard", "reports", "studies", "benchmarks", "scripts", "tests")

WITHOUT_CODE = ("Peft", "GenerationConfig")
"""Beginnings of the names of classes that read settings and tensors alone, and take no such argument."""


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of `from_pretrained` on classes that could run code."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr == "from_pretrained" and not ast.unparse(node.func.value).startswith(WITHOUT_CODE):
            yield node


def _refuses_code(call: ast.Call) -> bool:
    values = [keyword.value for keyword in call.keywords if keyword.arg == "trust_remote_code"]
    return len(values) == 1 and isinstance(values[0], ast.Constant) and values[0].value is False


FILES = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]


def test_every_from_pretrained_refuses_code() -> None:
    calls = [(file, call) for file in FILES for call in _calls(ast.parse(file.read_text(encoding="utf-8")))]
    assert len(calls) >= 3
    assert [f"{file.relative_to(ROOT)}:{call.lineno}" for file, call in calls if not _refuses_code(call)] == []


def test_nothing_turns_remote_code_on() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, file


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("A.from_pretrained(x, trust_remote_code=False)", True),
        ("A.from_pretrained(x)", False),
        ("A.from_pretrained(x, trust_remote_code=flag)", False),
        ("A.from_pretrained(x, **options)", False),
    ],
)
def test_the_test_sees_the_difference(text: str, refuses: bool) -> None:
    (call,) = _calls(ast.parse(text))
    assert _refuses_code(call) is refuses
