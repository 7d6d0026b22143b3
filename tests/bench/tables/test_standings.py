"""Standings: the same numbers as computed, kept under their rows, and never kept while answers are missing."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.results import Run
from bench.tables import flags, ranks
from bench.tables.comparisons import compare_defenses, tabulate_attacks, tabulate_questions
from bench.tables.method_tables import tabulate_games, tabulate_levels
from bench.tables.ranks import compute_leaderboard, sort_board
from bench.tables.runs import NOT_CHECKED, tabulate_runs
from bench.tables.standings import load_standing, name_standing
from bench.tables.threats import join_threats, select_siblings
from tests.answer_files import HARD, Answers

SETS = {"plain": ("lora_sft",), "adaptive": ("lora_sft", "full_sft")}
SETS |= dict.fromkeys(("queries", "clean"), (*SETS["adaptive"], "lora_sft+bridge"))
Play = Callable[..., list[Run]]


@pytest.fixture(autouse=True)
def small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "required_attacks", lambda: SETS)


@pytest.fixture
def play(bench_home: Path, run_factory: Callable[..., Run]) -> Play:
    """Makes three seeds of a defense that leaves both attacks so much."""
    answers, numbers = Answers(bench_home), count()

    def make(defense: str, rate: float, order: Any = HARD, **changes: Any) -> list[Run]:
        return [
            run_factory(
                next(numbers),
                **{**answers.columns(release=rate, order=order), **changes},
                **{"defense": defense, "attack": attack, "seed": seed},
            )
            for seed in range(3)
            for attack in SETS["adaptive"]
        ]  # fmt: skip

    return make


@pytest.fixture
def files(bench_home: Path) -> Callable[[], Iterator[Path]]:
    return lambda: (bench_home / "standings").glob("*.json")


def test_a_kept_standing_is_the_one_that_was_computed(play: Play, files: Callable[[], Iterator[Path]]) -> None:
    runs = tabulate_runs([*play("em", 0.4), *play("mmguard", 0.2), *play("random_noise", 0.8)])
    computed = load_standing(runs, runs)
    (file,) = files()
    before = file.read_bytes()
    kept = load_standing(runs, runs)
    assert file.read_bytes() == before
    pd.testing.assert_frame_equal(kept.board, compute_leaderboard(runs), check_dtype=False)
    pd.testing.assert_frame_equal(kept.cells, computed.cells.reset_index(drop=True), check_dtype=False)
    assert kept.flags == flags.flag_game(runs, runs)


def test_a_broken_file_is_computed_again(play: Play, files: Callable[[], Iterator[Path]]) -> None:
    runs = tabulate_runs(play("em", 0.4))
    load_standing(runs, runs)
    (file,) = files()
    file.write_text('{"board": 3}')
    assert load_standing(runs, runs).board["defense_label"].tolist() == ["em"]


@pytest.mark.parametrize("column", ["utility", "validation", "protection", "created", "reason", "origin", "id"])
def test_another_row_has_another_name(play: Play, column: str) -> None:
    runs = tabulate_runs(play("em", 0.4))
    changed = runs.copy()
    more = {"reason": "x", "origin": "x", "id": "x", "created": pd.Timedelta(seconds=1)}
    changed[column] = changed[column] + more.get(column, 0.01)
    assert name_standing(changed, changed) != name_standing(runs, runs)


def test_a_control_of_another_game_has_a_part_in_the_name(play: Play) -> None:
    runs = tabulate_runs(play("em", 0.4))
    more = tabulate_runs([*play("em", 0.4), *play("random_noise", 0.7, threat="black")])
    assert name_standing(runs, runs) != name_standing(runs, more)


def test_nothing_is_kept_while_answers_are_missing(
    play: Play, bench_home: Path, files: Callable[[], Iterator[Path]]
) -> None:
    runs = tabulate_runs(play("em", 0.4))
    shutil.rmtree(bench_home / "artifacts")
    assert load_standing(runs, runs).board["adaptive"].isna().all()
    assert not list(files())


def test_an_empty_game_has_an_empty_standing(bench_home: Path) -> None:
    runs = tabulate_runs([])
    assert load_standing(runs, runs).board.empty


@pytest.mark.parametrize("by", ["plain", "adaptive", "stealth_psnr", "seconds_protect"])
def test_no_order_puts_what_has_no_rank_above_what_has_one(play: Play, by: str) -> None:
    stealthy = {"stealth": {"psnr": 99.0}, "cost": {"protect": {"seconds": 0.1}}}
    played = [*play("em", 0.4), *play("mmguard", 0.3), *play("random_noise", 0.1, **stealthy)]
    part = play("tap", 0.1, **stealthy)[:1]
    claimed = play("sem", 0.0, **stealthy)
    origins = ["maintainers"] * len(played + part) + ["self-reported"] * len(claimed)
    runs = tabulate_runs([*played, *part, *claimed], origins)
    assert (runs["reason"] == NOT_CHECKED).sum() == len(claimed)
    board = sort_board(compute_leaderboard(runs), by)
    assert set(board["defense_label"][:2]) == {"em", "mmguard"}
    assert set(board["defense_label"][2:4]) == {"tap", "sem"}
    assert board["defense_label"].iloc[-1] == "random_noise"
    assert list(board["rank"] != "") == [True, True, False, False, False]


def test_the_better_of_two_defenses_is_told_by_pairs(play: Play) -> None:
    board = compute_leaderboard(tabulate_runs([*play("em", 0.4), *play("mmguard", 0.2)])).set_index("defense_label")
    compared = compare_defenses(board.loc["mmguard"], board.loc["em"])
    assert compared is not None
    assert compared.difference.value == pytest.approx(-0.2)
    assert compared.difference.low < -0.2 < compared.difference.high < 0
    assert (compared.p < 0.01, compared.seeds) == (True, 3)
    back = compare_defenses(board.loc["em"], board.loc["mmguard"])
    assert back is not None and back.difference.value == pytest.approx(0.2)
    questions = tabulate_questions(board.loc["em"], board.loc["mmguard"])
    assert questions is not None
    assert len(questions) == 80, "a fifth of 400 questions"
    assert (questions["first score"] > questions["second score"]).all()


def test_what_cannot_be_paired_is_not_compared(play: Play, bench_home: Path) -> None:
    board = compute_leaderboard(tabulate_runs([*play("em", 0.4), *play("mmguard", 0.2)])).set_index("defense_label")
    shutil.rmtree(bench_home / "artifacts")
    assert compare_defenses(board.loc["mmguard"], board.loc["em"]) is None
    assert tabulate_questions(board.loc["mmguard"], board.loc["em"]) is None


def test_only_attacks_that_both_met_are_compared() -> None:
    rows = [("em", "a", 0.5), ("em", "b", 0.1), ("tap", "a", 0.2), ("tap", "b", 0.3), ("em", "c", 0.9)]
    cells = pd.DataFrame(rows, columns=["defense_label", "attack_label", "protection"])
    table = tabulate_attacks(cells, "em", "tap")
    assert table["attack_label"].tolist() == ["a", "b"]
    assert table["difference"].tolist() == pytest.approx([0.3, -0.2])


def test_other_threat_models_stand_in_columns_of_their_own(play: Play) -> None:
    runs = tabulate_runs([*play("em", 0.4), *play("em", 0.6, threat="black", surrogates="a"), *play("tap", 0.2)])
    game = runs[runs["threat"] == "white"]
    siblings = select_siblings(game, [rows for _, rows in runs.groupby(["threat", "surrogates"])])
    boards = {threat: compute_leaderboard(rows) for threat, rows in siblings.items()}
    board = join_threats(boards["white"], boards).set_index("defense_label")
    assert board.loc["em", ["white", "black"]].tolist() == pytest.approx([0.5, 0.25])
    assert board["gray"].isna().all()
    assert pd.isna(board.loc["tap", "black"])


def test_a_defense_by_level_and_by_victim(play: Play) -> None:
    runs = tabulate_runs([*play("em", 0.4), *play("em", 0.2, victim="tiny-gemma3"), *play("tap", 0.2)])
    games = [rows for _, rows in runs.groupby("victim")]
    boards = [(rows, compute_leaderboard(rows)) for rows in games]
    levels = tabulate_levels(boards[1][1], "em")
    assert levels["value"].tolist() == pytest.approx([0.5, 0.5])
    victims = tabulate_games("victim", "em", boards)
    assert dict(zip(victims["victim"], victims["value"], strict=True)) == pytest.approx(
        {"tiny-gemma3": 0.75, "tiny-llava-a": 0.5}
    )
    assert tabulate_levels(boards[1][1], "nobody").empty
