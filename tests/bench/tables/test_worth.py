"""The worth of a release is read off the clean curve of the same trainer, level by level."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from attacks.grammar import parse_attack
from bench.results import Run
from bench.tables.knowledge import score_game, split_set
from bench.tables.runs import tabulate_runs
from bench.tables.worth import CURVES, compute_worth, find_curve
from tests.answer_files import Answers


@pytest.fixture
def game(bench_home: Path, run_factory: Callable[..., Run]) -> pd.DataFrame:
    """Clean curves straight from 0.1 to 0.9, and `em`, which leaves 0.3 to the plain trainer and 0.9 to others."""
    answers = Answers(bench_home)
    plain, adaptive = (attack.replace("own_only", "own_only(share={})") for attack in CURVES.values())
    curves = [
        ("none", attack.format(share), 0.1 + 0.8 * share) for attack in (plain, adaptive) for share in (0.25, 0.5)
    ]
    met = [("em", attack, 0.3 if attack == "lora_sft" else 0.9) for attack in split_set()["K2"]]
    return tabulate_runs(
        run_factory(
            number, defense=defense, attack=method.name, attack_options=method.options, seed=0,
            **answers.columns(release=release, clean=0.9, zero=0.1),
        )
        for number, (defense, text, release) in enumerate([*curves, *met])
        for method in [parse_attack(text)]
    )  # fmt: skip


def test_a_trainer_s_curve_has_its_shares(game: pd.DataFrame) -> None:
    curve = find_curve(game, "lora_sft+own_only")
    assert {seed: sorted(shares) for seed, shares in curve.items()} == {0: [0.25, 0.5]}
    assert find_curve(game, "full_sft+own_only") == {}


def test_the_worth_is_where_the_clean_curve_has_the_accuracy_of_the_release(game: pd.DataFrame) -> None:
    worth = {(row.defense, row.level): row for row in compute_worth(score_game(game), game)}
    assert set(worth) == {("em", "plain"), ("em", "K2")}
    assert worth["em", "plain"].share.value == pytest.approx(0.25, abs=0.01)
    assert worth["em", "plain"].share.low < worth["em", "plain"].share.value <= worth["em", "plain"].share.high
    assert worth["em", "K2"].share.value == 1 and worth["em", "K2"].seeds == 1


def test_the_curve_ends_at_the_clean_side_of_the_score(bench_home: Path, run_factory: Callable[..., Run]) -> None:
    """Without crops, clean data give more than the curve's own attack: as much as that is less than all pictures."""
    answers = Answers(bench_home)
    attack = CURVES["K2"].replace("own_only", "own_only(share=0.5)")
    met = [("em", text, 0.95 if text == "full_sft" else 0.7) for text in split_set()["K2"]]
    runs = tabulate_runs(
        run_factory(
            number, defense=defense, attack=method.name, attack_options=method.options, seed=0,
            **answers.columns(release=release if defense == "none" else 0.7, clean=max(release, 0.7), zero=0.1),
        )
        for number, (defense, text, release) in enumerate([("none", attack, 0.6), *met])
        for method in [parse_attack(text)]
    )  # fmt: skip
    (worth,) = (row for row in compute_worth(score_game(runs), runs) if row.level == "K2")
    expected = 0.5 + 0.5 * (0.7 - 0.6) / (0.95 - 0.6)
    assert worth.share.value == pytest.approx(expected, abs=0.02)


def test_a_seed_without_a_curve_has_no_worth(game: pd.DataFrame) -> None:
    assert compute_worth(score_game(game), game.assign(seed=game["seed"].where(game["defense"] != "none", 1))) == []
