"""Flags of the runs at hand: `bench.scoring.smells` over the tables of `bench.tables.data`. Knows no Streamlit."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from attacks import REGISTRY as ATTACKS
from bench.scoring.smells import TRIGGERS, Cell, Smell, smells
from bench.scoring.stats import Estimate
from bench.tables import data
from defenses import REGISTRY as DEFENSES

BLIND = ("none", "random_noise", "random_noise_class")
"""Controls that know no surrogate: what they are under one threat model they are under all."""

COMPARED = {*DEFENSES.controls, *TRIGGERS}
"""What a flag compares a defense with."""

MARK = "⚑"


def by_game(frame: pd.DataFrame) -> Iterator[tuple[dict[str, Any], list[Smell]]]:
    """Each game of `data.runs()` with its flags."""
    for key, game in frame.groupby(data.GAME, sort=False):
        yield dict(zip(data.GAME, key, strict=True)), of_game(game, frame)


def of_game(game: pd.DataFrame, everything: pd.DataFrame) -> list[Smell]:
    """The flags of one game. `everything`: where the controls are taken from that need not be played again."""
    if game.empty:
        return []
    same = [name for name in data.GAME if name not in ("threat", "surrogates")]
    rows = everything[(everything[same] == game[same].iloc[0]).all(axis=1) & everything["defense"].isin(BLIND)]
    known = set(zip(game["defense_label"], game["attack_label"], strict=True))
    lent = [pair not in known for pair in zip(rows["defense_label"], rows["attack_label"], strict=True)]
    lent_rows = rows[lent].drop_duplicates(["defense_label", "attack_label", "seed"])
    return smells(list(_cells(pd.concat([game, lent_rows]) if any(lent) else game)))


def of_cell(found: Iterable[Smell], defense: str, attack: str) -> list[Smell]:
    """The flags that concern a defense under an attack."""
    return [smell for smell in found if smell.defense in ("", defense) and smell.attack in ("", attack)]


def of_runs(frame: pd.DataFrame, ids: Collection[str]) -> list[Smell]:
    """The flags that concern some runs of `data.runs()`, in the games that they were played in.

    Only what their cells are compared with is looked at, so that a home with many runs takes no longer.
    """
    found: dict[Smell, None] = {}
    for _, game in frame.groupby(data.GAME, sort=False):
        mine = game[game["id"].isin(ids)]
        asked = game["defense_label"].isin(mine["defense_label"]) | game["defense"].isin(COMPARED)
        of_all = of_game(game[asked & game["attack_label"].isin(mine["attack_label"])], frame)
        for cell in mine[["defense_label", "attack_label"]].drop_duplicates().itertuples(index=False):
            found |= dict.fromkeys(of_cell(of_all, *cell))
    return list(found)


def beside(found: Sequence[Smell], defense: str, worst: str) -> str:
    """What stands beside a defense's worst case: the marker of its flags, and how many its other attacks have."""
    here = of_cell(found, defense, worst)
    elsewhere = sum(smell.defense == defense for smell in found) - sum(smell.defense == defense for smell in here)
    return ", ".join(filter(None, [marker(here), f"{elsewhere} under other attacks" if elsewhere else ""]))


def marker(found: Iterable[Smell]) -> str:
    """The kinds of flags and how many there are of each; "" for none."""
    counts = Counter(smell.kind for smell in found)
    return ", ".join(f"{MARK} {kind}" + (f" × {count}" if count > 1 else "") for kind, count in counts.items())


def table(found: Iterable[Smell]) -> pd.DataFrame:
    """One row a flag."""
    rows = [(smell.kind, smell.where, smell.text) for smell in found]
    return pd.DataFrame(rows, columns=["Flag", "Where", "What"])


def _cells(frame: pd.DataFrame) -> Iterator[Cell]:
    """The cells of runs that are not stale; also of those whose clean gain is too small."""
    current = frame[frame["reason"].isin(["", data.TOO_LITTLE]) & ~frame["attack"].isin({"none", *ATTACKS.controls})]
    runs = dict(iter(current.groupby(["defense_label", "attack_label"])))
    for _, cell in data.cells(current).iterrows():
        rows = runs[cell["defense_label"], cell["attack_label"]]
        ends = zip(rows["protection"], rows["protection_low"], rows["protection_high"], strict=True)
        yield Cell(
            defense=cell["defense_label"],
            attack=cell["attack_label"],
            method=cell["defense"],
            zero=cell["utility_zero"],
            clean=cell["utility_clean"],
            utility=cell["utility"],
            protection=_estimate(cell["protection"], cell["low"], cell["high"]),
            seeds=dict(zip(rows["seed"], (_estimate(*each) for each in ends), strict=True)),
            eligible=bool(rows["eligible"].all()),
            pixels=bool(cell["stealth_linf"] > 0),
            words=bool(cell["stealth_words"] > 0),
        )


def _estimate(value: float, low: float, high: float) -> Estimate | None:
    return None if pd.isna([value, low, high]).any() else Estimate(float(value), float(low), float(high))
