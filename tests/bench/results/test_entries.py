"""Titles and authors go with an entry to the board, as text: what could be more than text is refused or shown as is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import results
from bench.errors import UserError
from bench.game.submissions.version1 import Submission
from bench.results import checked, entries, export, published
from bench.results.entries import EntryCard
from bench.tables.ranks import compute_leaderboard
from bench.tables.runs import load_published_runs, load_runs

Finish = Callable[..., results.Run]

TEXT = ["<script>alert(1)</script>", "**bold** _it_ # h", "[x](javascript:alert(1))", ":material/home: $x$",
        "| a | b |", "x" * 120, "防御 ノイズ", "![x](http://there/x.png)", "=HYPERLINK(1)"]  # fmt: skip
"""Titles that are allowed, and that another program might take for more than text."""

REFUSED = ["safe\u202etxt", "red\x1b[31m", "two\nlines", "x" * 121, "ab", "\u2800\u2800\u2800", "a\u200bbc", "nul\x00l",
           "a" + "\u0301" * 9, 7, None, ["a title"], {"a": "title"}]  # fmt: skip


def keep(title: str, options: dict[str, Any], authors: list[str] | None = None) -> None:
    card = EntryCard(title=title, authors=authors or ["A. Stranger"])
    entries.keep_card(entries.identify_defense("mmguard", options), card)


@pytest.mark.parametrize("title", TEXT)
def test_a_title_is_on_the_board_letter_by_letter(finished: Finish, tmp_path: Path, title: str) -> None:
    run = finished(0)
    keep(title, run.defense_options, ["A. Stranger", "<b>B</b>"])
    export.publish(results.load(), tmp_path / "out")
    for frame in (load_runs(), load_published_runs(tmp_path / "out")):
        board = compute_leaderboard(frame)
        assert board[["title", "authors"]].to_numpy().tolist() == [[title, "A. Stranger, <b>B</b>"]]


@pytest.mark.parametrize("title", REFUSED)
def test_a_title_that_is_more_than_text_is_never_shown(finished: Finish, tmp_path: Path, title: object) -> None:
    """Neither in the home nor in files from elsewhere, although the rows stay."""
    run = finished(0)
    keep("An honest title", run.defense_options)
    export.publish(results.load(), tmp_path / "out")
    key = entries.identify_defense(run.defense, run.defense_options)
    for file in (tmp_path / "cards" / f"{key}.json", tmp_path / "out" / published.PROVENANCE):
        content = json.loads(file.read_bytes())
        (content["entries"][key] if "entries" in content else content)["title"] = title
        file.write_text(json.dumps(content))
    for frame in (load_runs(), load_published_runs(tmp_path / "out")):
        assert frame[["id", "title", "authors"]].to_numpy().tolist() == [[run.id, "", ""]]


@pytest.mark.parametrize("title", [title for title in REFUSED if isinstance(title, str)])
def test_what_would_not_be_shown_cannot_be_submitted(title: str) -> None:
    with pytest.raises((UserError, ValueError)):
        Submission.model_validate({"version": 1, "title": title, "authors": ["a"], "defense": {"name": "em"}})


def test_of_two_titles_of_one_entry_the_first_published_stays(finished: Finish, tmp_path: Path) -> None:
    run = finished(0)
    keep("The first", run.defense_options)
    export.publish(results.load(), tmp_path / "out")
    keep("A copy", run.defense_options, ["Someone Else"])
    export.publish(results.load(), tmp_path / "out")
    assert load_published_runs(tmp_path / "out")["title"].tolist() == ["The first"]


def test_titles_go_with_rows_alone(finished: Finish, tmp_path: Path) -> None:
    """An entry of another configuration has another identity, and no row here."""
    finished(0)
    keep("Another", {"tau": 0.2})
    export.publish(results.load(), tmp_path / "out")
    assert json.loads((tmp_path / "out" / published.PROVENANCE).read_text())["entries"] == {}
    assert load_published_runs(tmp_path / "out")["title"].tolist() == [""]


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"[]", b"\xff", b'"text"'])
def test_a_damaged_card_of_the_home_is_no_title(finished: Finish, bench_home: Path, content: bytes) -> None:
    run = finished(0)
    keep("An honest title", run.defense_options)
    (file,) = (bench_home / "cards").iterdir()
    file.write_bytes(content)
    assert load_runs()["title"].tolist() == [""]


def test_no_title_makes_a_row_checked(finished: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, "FILE", tmp_path / "checked.json")
    run = finished(0)
    keep("verified by the maintainers", run.defense_options, ["the maintainers"])
    export.publish(results.load(), tmp_path / "out")
    board = compute_leaderboard(load_published_runs(tmp_path / "out"))
    assert board[["rank", "checked"]].to_numpy().tolist() == [["", "self-reported"]]


def test_an_attack_has_a_title_of_its_own(finished: Finish, tmp_path: Path) -> None:
    run = finished(0)
    card = EntryCard(title="**An attack**", authors=["A. Breaker"])
    entries.keep_card(entries.identify_attack(run.attack, run.attack_options), card)
    export.publish(results.load(), tmp_path / "out")
    for frame in (load_runs(), load_published_runs(tmp_path / "out")):
        assert frame[["title", "attack_title", "attack_authors"]].to_numpy().tolist() == [
            ["", "**An attack**", "A. Breaker"]
        ]
