"""The guide for submissions, followed line by line in a fresh folder; and a release over budget, which is refused."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import results
from bench.game.submissions.scaffold import renew_sums, scaffold
from tests.corpus.conftest import run_bench

__all__ = ["run_bench"]

Bench = Callable[..., tuple[object, str, str]]
GUIDE = Path(__file__).parents[2] / "docs" / "submitting.md"
SECTIONS = {
    "A configured defense": "my-em",
    "Code": "my-noise",
    "A release": "my-release",
    "An attack": "my-attack",
    "An attack with code": "my-blur",
}
"""The sections that lead to a row, and the entry of each."""


def steps(section: str) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each command and each example of a section of the guide, in their order."""
    text = GUIDE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        if language == "console":
            yield from ((language, line) for line in block.splitlines())
        else:
            yield language, block


@pytest.mark.parametrize("section", SECTIONS)
def test_the_guide_shows_every_kind_from_nothing_to_a_row(section: str) -> None:
    text = [line for _, line in steps(section)]
    assert text[0].startswith(f"bench submit new {SECTIONS[section]} ")
    assert {"new", "validate", "mock", "run"} <= {line.split()[2] for line in text if line.startswith("bench submit")}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder with a repository, as a clone has it, which all sections write into; and a home beside it."""
    folder = tmp_path_factory.mktemp("guide") / "clone"
    folder.mkdir()
    (folder / "README.md").write_text("")
    git(folder, "init", "-q", "-b", "main")
    for key, value in (("user.name", "A"), ("user.email", "a@example.org"), ("commit.gpgsign", "false")):
        git(folder, "config", key, value)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "begin")
    return folder


@pytest.fixture
def fresh(bench_home: Path, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clone as the working folder, and its home."""
    monkeypatch.setenv("BENCH_HOME", str(clone.parent / "home"))
    monkeypatch.chdir(clone)
    return clone


def follow(run_bench: Bench, folder: Path, section: str) -> list[dict[str, Any]]:
    """Do what a section says, and return the rows. Of the whole required set only the plan is made."""
    rows: list[dict[str, Any]] = []
    for language, text in steps(section):
        if language == "python":
            subprocess.run([sys.executable, "-c", text], cwd=folder, check=True)
            continue
        program, *arguments = shlex.split(text)
        if program == "git":
            git(folder, *arguments)
            continue
        assert program == "bench", text
        if arguments[1] == "run":
            arguments += ["--json"] if "--small" in arguments else ["--dry-run"]
        code, out, error = run_bench(*arguments)
        assert code == 0 and "error: " not in error, (text, out, error)
        rows += json.loads(out)["runs"] if "--small" in arguments else []
    return rows


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
@pytest.mark.parametrize("section", SECTIONS)
def test_the_guide_leads_to_a_row_of_each_kind(run_bench: Bench, fresh: Path, section: str) -> None:
    (row,) = follow(run_bench, fresh, section)
    assert row["dataset"] == "emoji_smoke" and row["utility"] is not None
    if section in ("Code", "A release"):
        assert row["stealth"]["linf"] == 8
    kind = {"Code": "code", "A release": "release"}.get(section, "em")
    assert str(row["defense"]).split("_")[0] == kind
    attacks = {"An attack": "lora_sft+jpeg", "An attack with code": "lora_sft+code"}
    assert re.sub("_[0-9a-f]{16}$", "", str(row["attack"])) == attacks.get(section, "lora_sft")
    assert row["defense"] in {run.defense for run in results.load()}


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_the_guide_leads_to_a_pull_request(run_bench: Bench, fresh: Path) -> None:
    """It has what the section on code has written, or else a new entry."""
    if not (fresh / "submissions" / "my-noise").exists():
        scaffold("code", "my-noise", fresh / "submissions", "emoji_smoke")
    assert follow(run_bench, fresh, "The pull request") == []


def test_a_release_over_budget_is_refused_in_one_line(run_bench: Bench, bench_home: Path) -> None:
    folder = scaffold("release", "mine", bench_home / "submissions", "emoji_smoke")
    script = (
        "import sys; from PIL import Image; import numpy as np; file = sys.argv[1];"
        "Image.fromarray(np.asarray(Image.open(file)) ^ np.uint8(64)).save(file)"
    )
    subprocess.run([sys.executable, "-c", script, str(min((folder / "release" / "images").iterdir()))], check=True)
    renew_sums(folder)
    assert run_bench("submit", "validate", str(folder))[0] == 0, "no picture is decoded there"
    code, out, error = run_bench("submit", "run", str(folder), "--small", "--json")
    assert (code, out) == (2, "")
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    assert line == "error: release: L-inf of 64 levels; allowed: 8"
    assert not list(results.load())
