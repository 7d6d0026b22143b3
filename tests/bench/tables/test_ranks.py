"""Ranks: only after the whole required set with the suite's own seeds, by paired tests, and unmoved by copies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.results import Run
from bench.scoring.protection import LISTED_SEEDS, SEEDS, VERIFIED_SEEDS
from bench.tables import ranks
from bench.tables.badges import HERE, MAINTAINERS, SELF_REPORTED
from bench.tables.game import split_games
from bench.tables.ranks import compute_leaderboard, required_attacks
from bench.tables.runs import tabulate_runs
from bench.tables.seeds import Evaluations
from tests.answer_files import HARD, ITEMS, Answers

SETS = {
    "plain": ("lora_sft",),
    "adaptive": ("lora_sft", "full_sft"),
    "queries": ("lora_sft", "full_sft", "lora_sft+bridge"),
}
THREE = range(LISTED_SEEDS)

Entry = Callable[..., list[Run]]


@pytest.fixture(autouse=True)
def small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two adaptive attacks and one with queries, instead of the required set."""
    monkeypatch.setattr(ranks, "required_attacks", lambda: SETS)


@pytest.fixture
def entry(bench_home: Path, run_factory: Callable[..., Run]) -> Entry:
    """Makes the runs of a defense that leaves each attack so much, with some seeds."""
    answers, numbers = Answers(bench_home), iter(range(10_000))

    def make(
        defense: str, rate: float, *, seeds: Any = THREE, attacks: tuple[str, ...] = SETS["adaptive"],
        order: np.ndarray = HARD, **changes: Any
    ) -> list[Run]:  # fmt: skip
        return [
            run_factory(
                next(numbers), defense=defense, attack=attack, seed=seed,
                **{**answers.columns(release=rate, order=order), **changes},
            )
            for seed in seeds
            for attack in attacks
        ]  # fmt: skip

    return make


def board(*entries: list[Run], origin: str = HERE) -> pd.DataFrame:
    return boards(*((runs, origin) for runs in entries))


def boards(*entries: tuple[list[Run], str]) -> pd.DataFrame:
    """Return the leaderboard of runs, each with its origin, by defense."""
    runs, origins = zip(*((run, origin) for rows, origin in entries for run in rows), strict=True)
    return compute_leaderboard(tabulate_runs(runs, origins)).set_index("defense_label")


def placed(*entries: list[Run]) -> dict[str, str]:
    return dict(board(*entries)["rank"])


def test_the_required_set_is_there_by_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    levels = required_attacks()
    assert list(levels) == ["plain", "adaptive", "queries", "clean"]
    assert levels["plain"] == ("lora_sft",)
    assert set(levels["plain"]) < set(levels["adaptive"]) < set(levels["queries"]) < set(levels["clean"])


def test_pairs_tell_apart_what_intervals_do_not(entry: Entry) -> None:
    """5 points less on the very same items, with overlapping intervals."""
    assert placed(entry("em", 0.30), entry("hypo", 0.35)) == {"em": "1", "hypo": "2"}


def test_equally_good_ones_share_a_rank_that_counts_as_one(entry: Entry) -> None:
    other = np.random.default_rng(1).permutation(ITEMS)
    entries = entry("em", 0.30), entry("hypo", 0.32, order=other), entry("tap", 0.6), entry("lsp", 0.75)
    assert placed(*entries) == {"em": "=1", "hypo": "=1", "tap": "2", "lsp": "3"}


def test_nobody_is_ranked_who_has_met_only_a_part(entry: Entry) -> None:
    """A release that met only plain fine-tuning stands below the others, however good it looks."""
    table = board(entry("em", 0.5), entry("tap", 0.01, attacks=("lora_sft",)))
    assert table.index.tolist() == ["em", "tap"]
    assert table.loc["tap", ["rank", "status", "met", "of"]].tolist() == [
        "", "not ranked: has met 1 of 2 attacks", 1, 2,
    ]  # fmt: skip
    assert np.isnan(table.loc["tap", "adaptive"])
    assert table.loc["tap", "plain"] > 0.9


def test_a_level_that_was_not_met_is_empty(entry: Entry) -> None:
    row = board(entry("em", 0.4)).loc["em"]
    assert row["adaptive"] == pytest.approx(0.5)
    assert np.isnan(row["queries"])
    more = board(entry("em", 0.4), entry("em", 0.6, attacks=("lora_sft+bridge",))).loc["em"]
    assert (more["adaptive"], more["queries"]) == pytest.approx((0.5, 0.25))


@pytest.mark.parametrize("seeds", [range(LISTED_SEEDS - 1), (1017, 4242, 90210), (0, 1, 1017)])
def test_too_few_of_the_suites_own_seeds_give_no_rank(entry: Entry, seeds: Any) -> None:
    table = board(entry("em", 0.5), entry("hypo", 0.1, seeds=seeds))
    assert table["rank"].get("hypo", "") == ""
    assert table.loc["em", "rank"] == "1"


def test_five_seeds_of_the_maintainers_are_verified(entry: Entry) -> None:
    five = SEEDS[:VERIFIED_SEEDS]
    table = board(entry("em", 0.5), entry("hypo", 0.6, seeds=five), origin=MAINTAINERS)
    assert table["status"].to_dict() == {"em": "listed", "hypo": "verified"}
    assert table["checked"].to_dict() == {"em": "maintainers, 3 of 5 seeds", "hypo": "verified"}
    row = board(entry("em", 0.5, seeds=five)).loc["em"]
    assert (row["rank"], row["status"], row["checked"]) == ("1", "listed", HERE)


def test_what_only_its_author_has_played_is_listed_without_a_rank(entry: Entry) -> None:
    known, best = entry("em", 0.5), entry("tap", 0.01, seeds=SEEDS)
    table = boards((known, MAINTAINERS), (best, SELF_REPORTED))
    assert table[["rank", "status", "checked"]].to_dict("index") == {
        "em": {"rank": "1", "status": "listed", "checked": "maintainers, 3 of 5 seeds"},
        "tap": {"rank": "", "status": "not ranked: self-reported", "checked": SELF_REPORTED},
    }
    assert table.loc["tap", "adaptive"] > 0.9
    assert boards((known, MAINTAINERS)).loc["em"].equals(table.loc["em"])


@pytest.mark.parametrize("claim", ["better clean data", "more seeds", "a better trainer", "another baseline"])
def test_rows_that_only_their_author_has_played_change_no_number_of_others(entry: Entry, claim: str) -> None:
    """They claim what would lower or raise the others' numbers, for the entry itself and for the data without it."""
    known = entry("em", 0.5), entry("hypo", 0.6)
    changes: dict[str, dict[str, Any]] = {
        "better clean data": {"validation_clean": 1.0},
        "more seeds": {"seeds": SEEDS},
        "a better trainer": {"validation": 1.0},
        "another baseline": {"baselines": {"zero": {"test": 0.4, "validation": 0.9}}},
    }
    strange = [run for name in ("em", "none", "tap") for run in entry(name, 0.1, **changes[claim])]
    alone = boards(*((rows, MAINTAINERS) for rows in known))
    together = boards(*((rows, MAINTAINERS) for rows in known), (strange, SELF_REPORTED))
    pd.testing.assert_frame_equal(together.loc[["em", "hypo"]], alone.loc[["em", "hypo"]])


def test_controls_have_no_rank_and_stand_last(entry: Entry) -> None:
    table = board(entry("random_noise", 0.1), entry("none", 0.8), entry("em", 0.5))
    assert table["rank"].to_dict() == {"em": "1", "random_noise": ""}
    assert table.loc["random_noise", "status"] == "control"


@pytest.mark.parametrize("copies", [1, 5])
def test_copies_of_an_entry_change_no_rank(entry: Entry, copies: int) -> None:
    """17 of 400 lost and 5 won: the same verdict with and without copies beside them."""
    order = np.argsort(HARD)
    flipped = HARD.copy()
    flipped[order[:17]], flipped[order[-5:]] = ITEMS, -1
    others = entry("hypo", 0.4), entry("tap", 0.4, order=flipped), entry("lsp", 0.7)
    alone = placed(*others)
    em = [run for n in range(copies) for run in entry("em", 0.4, defense_options={"batch": n})]
    together = placed(*others, em)
    assert {name: rank.strip("=") for name, rank in alone.items()} == {
        name: rank.strip("=") for name, rank in together.items() if name in alone
    }


@pytest.mark.parametrize(("low", "differs"), [(0.55, True), (0.45, False)])
@pytest.mark.parametrize("unpaired", ["questions", "seeds", "broken"])
def test_what_cannot_be_paired_differs_only_where_intervals_are_apart(
    bench_home: Path, unpaired: str, low: float, differs: bool
) -> None:
    answers = Answers(bench_home)
    names = range(1, ITEMS + 1) if unpaired == "questions" else range(ITEMS)
    seeds = range(2, 5) if unpaired == "seeds" else THREE
    pair = [
        {seed: Evaluations("", "", answers.write(0.3)) for seed in THREE},
        {seed: Evaluations("", "", answers.write(0.9, names=names)) for seed in seeds},
    ]
    if unpaired == "broken":
        (answers.folder / pair[1][0].attacked / "predictions.parquet").write_bytes(b"PAR1")
    ends = {"adaptive_low": [low, 0.1], "adaptive_high": [0.9, 0.5]}
    table = ranks.find_differences(pd.DataFrame({"evaluations": pair, **ends}))
    assert table.tolist() == [[False, differs], [differs, False]]


def test_an_empty_game_has_an_empty_board(bench_home: Path) -> None:
    assert compute_leaderboard(tabulate_runs([])).empty


def test_an_attack_that_breaks_an_entry_lowers_it_and_nobody_else(entry: Entry) -> None:
    """And the entry keeps its place among the ranked ones, although only one seed met the attack."""
    others = entry("hypo", 0.4), entry("tap", 0.7)
    before = board(entry("em", 0.3), *others)
    after = board(entry("em", 0.3) + entry("em", 0.75, seeds=[0], attacks=("full_sft+jpeg",)), *others)
    assert before["rank"].to_dict() == {"em": "1", "hypo": "2", "tap": "3"}
    assert after.index[0] == "hypo" and after["rank"]["tap"] in "23"
    assert after.loc["em", "adaptive"] == pytest.approx(1 - (0.3 + 0.3 + 0.75) / 3 / 0.8)
    assert after.loc["em", ["met", "of", "seeds", "attack"]].tolist() == [2, 2, 3, "full_sft+jpeg"]
    assert after.loc["em", "plain"] == before.loc["em", "plain"]
    columns = ["plain", "adaptive", "so_far", "met"]
    assert after.loc[["hypo", "tap"], columns].equals(before.loc[["hypo", "tap"], columns])


@pytest.mark.parametrize(
    "attack", ["lora_sft+bridge", "lora_sft+mix_clean", "format_only", "clean_only", "an_attack_of_another_machine"]
)
def test_attacks_that_know_more_and_controls_do_not_count(entry: Entry, attack: str) -> None:
    table = board(entry("em", 0.3) + entry("em", 0.6, attacks=(attack,)))
    assert table.loc["em", "adaptive"] == board(entry("em", 0.3)).loc["em", "adaptive"]


def test_a_second_row_of_a_cell_does_not_count(entry: Entry) -> None:
    """Whoever plays a cell again keeps the number that was there first."""
    assert board(entry("em", 0.5) + entry("em", 0.0)).loc["em", "adaptive"] == board(entry("em", 0.5)).loc[
        "em", "adaptive"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "other", [{"epsilon": 16}, {"words": 64}, {"surrogates": "tiny-gemma3"}, {"threat": "gray"}, {"dataset": "tags"}]
)
def test_more_budget_or_other_models_are_another_game(entry: Entry, other: dict[str, Any]) -> None:
    runs = tabulate_runs([*entry("em", 0.5), *entry("hypo", 0.0, **other)])
    boards = [compute_leaderboard(game)["defense"].tolist() for _, game in split_games(runs)]
    assert boards == [["em"], ["hypo"]]


def test_attacks_that_are_missing_at_a_seed_make_it_no_seed(entry: Entry) -> None:
    """Three seeds, of which the last has met only the attack that is easy to withstand."""
    easy, hard = entry("hypo", 0.1, attacks=("lora_sft",)), entry("hypo", 0.2, seeds=(0, 1), attacks=("full_sft",))
    table = board(entry("em", 0.5), easy + hard)
    assert table.loc["hypo", ["rank", "status"]].tolist() == ["", f"not ranked: 2 of {LISTED_SEEDS} seeds"]
