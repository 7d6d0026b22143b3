"""The walk through the documentation has pages to follow, and knows every command on them."""

import shlex
from pathlib import Path

import pytest

from bench.cli.main import app
from scripts import walk

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", walk.PAGES)
def test_a_page_has_commands_to_follow(page: str) -> None:
    commands = [shlex.split(command, comments=True) for command in walk.read_commands(page)]
    names = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    assert commands and all(command[0] == "bench" and command[1] in names for command in commands)


def test_a_mark_stands_on_no_other_page() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    marked = {str(page.relative_to(ROOT)) for page in pages if walk.MARKED.search(page.read_text(encoding="utf-8"))}
    assert marked == set(walk.PAGES)


def test_the_makefile_walks() -> None:
    assert "\nwalk:\n\t$(PYTHON) scripts/walk.py\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
