"""The report: JSON with all that an owner must know, and a page on which a stranger's name is only a name."""

import json
import re
from html import escape
from pathlib import Path

import pytest

from bench.owner import knowledge
from bench.owner.methods import Part
from bench.owner.protect import protect
from bench.tables.knowledge import TITLES
from tests.bench.owner import files
from tests.bench.owner.conftest import JobMaker


def test_the_published_rows_of_a_method_come_with_interval_and_attack() -> None:
    games = knowledge.published("mmguard")
    levels = {level["trainer"]: level for level in games[0]["levels"]}
    assert levels[TITLES["plain"]]["low"] < levels[TITLES["plain"]]["value"] < levels[TITLES["plain"]]["high"]
    assert levels["also knows the method"]["value"] < levels[TITLES["plain"]]["value"]
    assert all(level["attack"] and level["seeds"] for level in levels.values())
    assert len(games[0]["sentences"]) == len(games[0]["levels"])
    assert knowledge.published("lsp(blocks=1)") == []


def test_a_page_escapes_names_and_says_what_it_cannot_promise(
    tmp_path: Path, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    games = [{"game": {"dataset": "<b>"}, "sentences": ["takes <i>+0.10</i>"], "levels": []}]
    monkeypatch.setattr("bench.owner.report.published", lambda defense: games)
    names = ["<script>alert(1)<", "a&b.png", "bell\x07.png", "x\u202egnp.png"]
    files.write(tmp_path / "mine", {name: files.encode(files.picture(seed=i), "PNG") for i, name in enumerate(names)})
    files.write(tmp_path / "mine", {"<svg onload=x>.png": b"no"})
    protect(tmp_path / "mine", tmp_path / "out", job())
    page = (tmp_path / "out.report" / "report.html").read_text(encoding="utf-8")
    assert set(re.findall(r"<(script|svg|b|i)\b", page)) == set()
    assert "&lt;script&gt;alert(1)&lt;" in page and "&lt;svg onload=x&gt;.png" in page
    assert not re.search("[\x07\u202e]", page) and "\\u202e" in page
    assert all(escape(limit) in page for limit in knowledge.LIMITS)
    assert page.count("data:image/png;base64,") == 3 * len(names)
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_a_method_without_rows_is_said_to_be_unknown(source: Path, tmp_path: Path, job: JobMaker) -> None:
    protect(source, tmp_path / "out", job())
    assert "nothing is known of its worth" in (tmp_path / "out.report" / "report.html").read_text()


def test_the_report_counts_and_lists_each_picture(source: Path, tmp_path: Path, job: JobMaker) -> None:
    report = protect(source, tmp_path / "out", job("random_trigger", part=Part(0, 2)))
    folder = tmp_path / "out.report"
    assert json.loads((folder / "report.json").read_text()) == report
    pictures = [json.loads(line) for line in (folder / "pictures.jsonl").read_text().splitlines()]
    assert len(pictures) == report["pictures"] == report["stealth"]["unchanged"]
    assert {name for picture in pictures for name in picture["files"]} == {
        str(file.relative_to(source)) for file in (source / "images").iterdir()
    }
    assert sorted(file.name for file in folder.iterdir()) == [
        "job.json",
        "pictures.jsonl",
        "report.html",
        "report.json",
    ]
