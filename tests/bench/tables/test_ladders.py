"""The ladder of each defense from cells: whose costs are known, in order, the best chosen on validation."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.results import Run
from bench.tables.game import split_games
from bench.tables.ladders import compute_ladders, compute_run_ladders, find_climbed, tabulate_ladders
from bench.tables.runs import tabulate_runs
from tests.answer_files import Answers

ELSEWHERE = dict.fromkeys(("zero", "clean", "evaluate"), "f" * 16)
"""Stages whose answers are on no machine."""


@pytest.fixture
def table(run_factory: Callable[..., Run], bench_home: Path) -> Callable[..., pd.DataFrame]:
    """Runs of (defense, attack, seconds, validation, release), all with 0.8 from clean data and 0.1 without any."""

    def make(*rows: tuple[str, str, float | None, float, float]) -> pd.DataFrame:
        answers = Answers(bench_home)
        runs = [
            run_factory(
                number, defense=defense, attack=attack, cost={"attack": {"seconds": seconds}} if seconds else {},
                **answers.columns(release=release, zero=0.1, validation=validation),
            )
            for number, (defense, attack, seconds, validation, release) in enumerate(rows)
        ]  # fmt: skip
        return tabulate_runs(runs)

    return make


ROWS = (
    ("em", "lora_sft+bridge", 25.0, 0.5, 0.40),
    ("em", "lora_sft", 10.0, 0.3, 0.30),
    ("em", "full_sft", 5.0, 0.2, 0.50),
    ("lsp", "lora_sft", 20.0, 0.6, 0.60),
    ("tap", "full_sft", 20.0, 0.6, 0.60),
)


def test_a_curve_is_the_best_on_validation_against_the_sum_of_costs(table: Callable[..., pd.DataFrame]) -> None:
    em = tabulate_ladders(table(*ROWS)).query("defense == 'em'")
    assert em["attack"].tolist() == ["lora_sft", "full_sft", "lora_sft+bridge"]
    assert em["cost"].tolist() == [1.0, 0.5, 2.5]
    assert em["total"].tolist() == [1.0, 1.5, 4.0]
    assert em["best"].tolist() == ["lora_sft", "lora_sft", "lora_sft+bridge"]
    assert em["gain"].tolist() == pytest.approx([0.2, 0.2, 0.3])
    assert em["protection"].tolist() == pytest.approx([1 - 0.2 / 0.7, 1 - 0.2 / 0.7, 1 - 0.3 / 0.7])


def test_a_defense_that_never_met_the_unit_of_cost_has_no_curve(table: Callable[..., pd.DataFrame]) -> None:
    assert {defense for defense, _ in compute_ladders(table(*ROWS))} == {"em", "lsp"}


def test_an_attack_whose_time_is_not_known_or_that_is_a_control_is_left_out(table: Callable[..., pd.DataFrame]) -> None:
    runs = table(("em", "lora_sft", 10.0, 0.3, 0.3), ("em", "full_sft", None, 0.9, 0.9), ("em", "none", 1.0, 0.9, 0.9))
    assert tabulate_ladders(runs)["attack"].tolist() == ["lora_sft"]


def test_without_runs_the_curve_is_empty_with_its_columns(bench_home: Path) -> None:
    empty = tabulate_ladders(tabulate_runs([]))
    assert empty.empty
    assert "total" in empty.columns


def test_two_budgets_or_two_owners_are_two_games_for_played_runs_and_on_the_board(
    bench_home: Path, run_factory: Callable[..., Run]
) -> None:
    """Each has its own ladder, and the better result of one game is not taken in the other."""
    games = [
        {"epsilon": 8, "surrogates": "tiny-llava-a"},
        {"epsilon": 4, "surrogates": "tiny-llava-a"},
        {"epsilon": 8, "surrogates": "tiny-llava-b"},
    ]
    rows = [
        run_factory(10 * number + step, attack=attack, validation=0.1 * number + 0.2 * step, stages=ELSEWHERE, **game)
        for number, game in enumerate(games)
        for step, attack in enumerate(["lora_sft", "full_sft"])
    ]
    played = {
        (game.epsilon, game.surrogates): steps
        for game, defense, steps in compute_run_ladders(rows)
        if defense == "mmguard"
    }
    board = {
        (game.epsilon, game.surrogates): steps
        for game, runs in split_games(tabulate_runs(rows))
        for _, steps in compute_ladders(runs)
    }
    assert played == board
    assert list(played) == [(game["epsilon"], game["surrogates"]) for game in games]
    for number, steps in enumerate(played.values()):
        assert [step.latest.attack for step in steps] == ["lora_sft", "full_sft"]
        assert steps[-1].best.validation == pytest.approx(0.1 * number + 0.2)


def test_played_attacks_are_named_with_all_of_their_options(bench_home: Path, run_factory: Callable[..., Run]) -> None:
    rows = [
        run_factory(0, stages=ELSEWHERE),
        run_factory(1, attack="lora_sft+jpeg", attack_options={"jpeg.quality": 50}, stages=ELSEWHERE),
    ]
    ((_, _, steps),) = compute_run_ladders(rows)
    assert sorted(step.latest.attack for step in steps) == ["lora_sft", "lora_sft+jpeg(quality=50)"]


def test_a_protection_that_the_seeds_together_do_not_define_is_none(finished: Callable[..., Run]) -> None:
    """The second seed gains from clean data, both together do not surely."""
    rows = [finished(0, clean=2, protection=None), finished(1, clean=9, protected=4)]
    ((_, _, (step,)),) = compute_run_ladders(rows)
    assert step.latest.protection is None


def test_those_with_a_ladder_are_known_before_it_is_climbed(table: Callable[..., pd.DataFrame]) -> None:
    runs = table(*ROWS, ("tap", "full_sft", 5.0, 0.2, 0.5), ("uc", "lora_sft", None, 0.2, 0.5))
    assert find_climbed(runs) == {defense for defense, _ in compute_ladders(runs)}
    alone = tabulate_ladders(runs[runs["defense_label"] == "em"])
    every = tabulate_ladders(runs)
    assert alone.values.tolist() == every[every["defense"] == "em"].values.tolist()
