"""Ranks: from answers where they are here, from intervals where they are not, and none for too few seeds."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.scoring.protection import LISTED_SEEDS, VERIFIED_SEEDS
from bench.tables.ranks import compute_standings

ITEMS = 400
HARD = np.random.default_rng(0).permutation(ITEMS)
"""Which items the models get right first."""

Keep = Callable[..., str]


@pytest.fixture
def keep(bench_home: Path) -> Keep:
    """Keeps a model's answers that are right on the easiest `rate`, and names them."""
    kept: list[str] = []

    def folder(rate: float, order: np.ndarray = HARD, names: Iterable[object] = range(ITEMS)) -> str:
        key = f"{len(kept) + 1:016x}"
        kept.append(key)
        path = bench_home / "artifacts" / "evaluate" / key
        path.mkdir(parents=True)
        (path / "manifest.json").write_text('{"cost": {"seconds": 1.0}}')
        table = pd.DataFrame({"id": [str(name) for name in names], "question": "?", "target": "t", "prediction": "p"})
        table["image_id"], table["score"] = table["id"], (order < rate * ITEMS).astype(float)
        table.sample(frac=1, random_state=len(kept)).to_parquet(path / "predictions.parquet")
        return key

    return folder


def entry(name: str, protection: float, answers: Iterable[str], margin: float = 0.2) -> dict[str, object]:
    """A row of the ranking: answers of seeds 0, 1, ..."""
    stages = {seed: {"evaluate": key} for seed, key in enumerate(answers)}
    ends = {"low": protection - margin, "high": protection + margin}
    return {"defense_label": name, "protection": protection, "seeds": len(stages), "answers": stages, **ends}


def placed(*entries: dict[str, object]) -> list[tuple[str, str]]:
    table = compute_standings(pd.DataFrame(entries))
    return list(zip(table["defense_label"], table["rank"], strict=True))


def test_pairs_tell_apart_what_intervals_do_not(keep: Keep) -> None:
    """5 points less on the very same items, with all intervals overlapping."""
    best, worse = [keep(0.30) for _ in range(3)], [keep(0.35) for _ in range(3)]
    assert placed(entry("a", 0.55, best), entry("b", 0.5, worse)) == [("a", "1"), ("b", "2")]


def test_equally_good_ones_share_a_rank_and_the_next_one_has_its_place(keep: Keep) -> None:
    other = np.random.default_rng(1).permutation(ITEMS)
    a, b = [keep(0.30) for _ in range(3)], [keep(0.32, other) for _ in range(3)]
    c, d = [keep(0.6) for _ in range(3)], [keep(0.9) for _ in range(3)]
    entries = entry("a", 0.6, a), entry("b", 0.58, b), entry("c", 0.4, c), entry("d", 0.1, d)
    assert placed(*entries) == [("a", "=1"), ("b", "=1"), ("c", "3"), ("d", "4")]


def test_seeds_that_scatter_tie_where_agreeing_ones_do_not(keep: Keep) -> None:
    """The same means over three seeds, 10 points apart."""
    agreeing = [keep(0.3) for _ in range(3)], [keep(0.4) for _ in range(3)]
    scattered = [keep(rate) for rate in (0.1, 0.3, 0.5)], [keep(rate) for rate in (0.6, 0.4, 0.2)]
    for (a, b), expected in ((agreeing, ["1", "2"]), (scattered, ["=1", "=1"])):
        assert [rank for _, rank in placed(entry("a", 0.6, a), entry("b", 0.4, b))] == expected


def test_adjusted_over_all_pairs_of_the_table(keep: Keep) -> None:
    """17 of 400 lost and 5 won: p is 0.01, which is no difference any more among six pairs."""
    flipped = HARD.copy()
    order = np.argsort(HARD)
    flipped[order[:17]], flipped[order[-5:]] = ITEMS, -1
    a, b = [keep(0.5)] * 3, [keep(0.5, flipped)] * 3
    pair = entry("b", 0.6, b), entry("a", 0.5, a)
    assert [rank for _, rank in placed(*pair)] == ["1", "2"]
    same = [entry(name, 0.4, a) for name in "cd"]
    assert [rank for _, rank in placed(*pair, *same)] == ["=1"] * 4


def test_without_answers_intervals_decide(keep: Keep) -> None:
    gone = ["f" * 16] * 3
    apart = entry("a", 0.9, gone, 0.05), entry("b", 0.5, gone, 0.05), entry("c", 0.45, gone, 0.05)
    assert [rank for _, rank in placed(*apart)] == ["1", "=2", "=2"]
    here = entry("b", 0.5, [keep(0.3) for _ in range(3)], 0.05)
    assert [rank for _, rank in placed(apart[0], here, apart[2])] == ["1", "=2", "=2"]


def test_answers_to_other_questions_or_of_other_seeds_are_not_paired(keep: Keep) -> None:
    a = entry("a", 0.6, [keep(0.3) for _ in range(3)])
    foreign = entry("b", 0.5, [keep(0.9, names=range(1, ITEMS + 1)) for _ in range(3)])
    assert [rank for _, rank in placed(a, foreign)] == ["=1", "=1"]
    later = entry("b", 0.5, [keep(0.9) for _ in range(3)])
    later["answers"] = {seed + 2: stages for seed, stages in later["answers"].items()}  # type: ignore[attr-defined]
    assert [rank for _, rank in placed(a, later)] == ["=1", "=1"]


def test_broken_answers_are_answers_that_are_not_here(keep: Keep, bench_home: Path) -> None:
    a, b = [keep(0.3) for _ in range(3)], [keep(0.9) for _ in range(3)]
    (bench_home / "artifacts" / "evaluate" / b[0] / "predictions.parquet").write_bytes(b"PAR1")
    assert [rank for _, rank in placed(entry("a", 0.6, a), entry("b", 0.5, b))] == ["=1", "=1"]


def test_too_few_seeds_are_below_without_a_rank(keep: Keep) -> None:
    few = entry("few", 0.9, ["f" * 16] * (LISTED_SEEDS - 1))
    one = entry("one", 0.95, ["f" * 16])
    listed = entry("listed", 0.2, ["f" * 16] * LISTED_SEEDS)
    verified = entry("verified", 0.1, ["f" * 16] * VERIFIED_SEEDS)
    table = compute_standings(pd.DataFrame([one, few, listed, verified]))
    assert table["defense_label"].tolist() == ["listed", "verified", "one", "few"]
    assert table["status"].tolist() == ["listed", "verified", "not yet listed (1 seed)", "not yet listed (2 seeds)"]
    assert table["rank"].tolist() == ["=1", "=1", "", ""]


def test_nobody_is_ranked() -> None:
    nobody = pd.DataFrame([entry("a", 0.5, [])]).iloc[:0]
    assert compute_standings(nobody).empty
    assert {"rank", "status"} <= set(compute_standings(nobody).columns)
