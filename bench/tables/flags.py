"""Flags of the runs at hand: the checks of `bench.scoring.smells` over the cells of each game."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import pandas as pd

from attacks import REGISTRY as ATTACKS
from bench.scoring.flag import Cell, Flag
from bench.scoring.smells import TRIGGERS, find_flags
from bench.tables.cells import compute_cells, estimate
from bench.tables.game import GAME_COLUMNS, Game, split_games
from bench.tables.runs import TOO_LITTLE_GAIN
from defenses import REGISTRY as DEFENSES

BLIND = ("none", "random_noise", "random_noise_class")
"""Controls that use no surrogate: their release is the same under every threat model."""

COMPARED = {*DEFENSES.controls, *TRIGGERS}
"""Releases that a flag compares a defense with."""

MARK = "⚑"


def flag_games(runs: pd.DataFrame) -> Iterator[tuple[Game, list[Flag]]]:
    """Yield each game of `tabulate_runs` with its flags."""
    for game, played in split_games(runs):
        yield game, flag_game(played, runs)


def flag_game(game: pd.DataFrame, runs: pd.DataFrame) -> list[Flag]:
    """Return the flags of one game's runs.

    `runs` are those of all games. Controls that use no surrogate are borrowed from other threat models where this game
    has not played them.
    """
    if game.empty:
        return []
    shared = [name for name in GAME_COLUMNS if name not in ("threat", "surrogates")]
    rows = runs[(runs[shared] == game[shared].iloc[0]).all(axis=1) & runs["defense"].isin(BLIND)]
    played = set(zip(game["defense_label"], game["attack_label"], strict=True))
    missing = [pair not in played for pair in zip(rows["defense_label"], rows["attack_label"], strict=True)]
    borrowed = rows[missing].drop_duplicates(["defense_label", "attack_label", "seed"])
    flags = find_flags(list(_cells(game if borrowed.empty else pd.concat([game, borrowed]))))
    return [*flags, *_flag_unsafe(game)]


def select_flags(flags: Iterable[Flag], defense: str, attack: str) -> list[Flag]:
    """Return the flags that concern a defense under an attack.

    >>> flags = [Flag("under-trained", "", "jpeg", "..."), Flag("seeds apart", "em", "lora_sft", "...")]
    >>> [flag.kind for flag in select_flags(flags, "em", "jpeg")]
    ['under-trained']
    """
    return [flag for flag in flags if flag.defense in ("", defense) and flag.attack in ("", attack)]


def flag_runs(runs: pd.DataFrame, ids: Collection[str]) -> list[Flag]:
    """Return the flags that concern some runs of `tabulate_runs`, each in its own game.

    Only the cells that theirs are compared with are computed, so that this stays fast in a home with many runs.
    """
    flags: dict[Flag, None] = {}
    for _, game in split_games(runs):
        chosen = game[game["id"].isin(ids)]
        compared = game["defense_label"].isin(chosen["defense_label"]) | game["defense"].isin(COMPARED)
        candidates = flag_game(game[compared & game["attack_label"].isin(chosen["attack_label"])], runs)
        for cell in chosen[["defense_label", "attack_label"]].drop_duplicates().itertuples(index=False):
            flags |= dict.fromkeys(select_flags(candidates, *cell))
    return list(flags)


def summarize_defense(flags: Sequence[Flag], defense: str, worst_attack: str) -> str:
    """Return the text next to a defense: the kinds of flags of its worst case, and how many its other attacks have."""
    worst_case = select_flags(flags, defense, worst_attack)
    others = sum(flag.defense == defense for flag in flags) - sum(flag.defense == defense for flag in worst_case)
    parts = [count_kinds(worst_case)] if worst_case else []
    if others:
        parts.append(f"{others} under other attacks")
    return ", ".join(parts)


def count_kinds(flags: Iterable[Flag]) -> str:
    """Return the kinds of flags, with a count where there are several of one kind; "" for no flags.

    >>> count_kinds([Flag("seeds apart", "em", "jpeg", "..."), Flag("seeds apart", "em", "lora_sft", "...")])
    '⚑ seeds apart × 2'
    """
    counts = Counter(flag.kind for flag in flags)
    return ", ".join(f"{MARK} {kind}" + (f" × {count}" if count > 1 else "") for kind, count in counts.items())


def tabulate_flags(flags: Iterable[Flag]) -> pd.DataFrame:
    """Return one row for each flag: its kind, the cells that it concerns, and its sentence."""
    rows = [(flag.kind, flag.scope, flag.text) for flag in flags]
    return pd.DataFrame(rows, columns=["Flag", "Where", "What"])


def _flag_unsafe(game: pd.DataFrame) -> Iterator[Flag]:
    """Yield a flag for each defense and each attack whose foreign code ran without a sandbox."""
    text = "its code ran without a sandbox, where it could see test questions and victims, and change anything"
    for name in _list_unsafe(game, "sandbox", "defense_label"):
        yield Flag("no sandbox", name, "", text)
    for name in _list_unsafe(game, "attack_sandbox", "attack_label"):
        yield Flag("no sandbox", "", name, text)


def _list_unsafe(game: pd.DataFrame, key: str, column: str) -> list[str]:
    """Return the labels in a column of the runs whose provenance says under a key that there was no sandbox."""
    unsafe = [origin.get(key) == "none" for origin in game["provenance"]]
    return list(dict.fromkeys(game.loc[unsafe, column]))


def _cells(runs: pd.DataFrame) -> Iterator[Cell]:
    """Yield the cells of runs that are not stale, including those whose clean gain is too small."""
    attacked = ~runs["attack"].isin(ATTACKS.controls)
    current = runs[runs["reason"].isin(["", TOO_LITTLE_GAIN]) & attacked]
    groups = dict(iter(current.groupby(["defense_label", "attack_label"])))
    for _, cell in compute_cells(current).iterrows():
        rows = groups[cell["defense_label"], cell["attack_label"]]
        ends = zip(rows["protection"], rows["protection_low"], rows["protection_high"], strict=True)
        yield Cell(
            defense=cell["defense_label"],
            attack=cell["attack_label"],
            method=cell["defense"],
            control=cell["defense"] in DEFENSES.controls,
            baseline=cell["utility_baseline"],
            clean=cell["utility_clean"],
            utility=cell["utility"],
            protection=estimate(cell["protection"], cell["low"], cell["high"]),
            seeds=dict(zip(rows["seed"], (estimate(*end) for end in ends), strict=True)),
            eligible=bool(rows["eligible"].all()),
            pixels=bool(cell["stealth_linf"] > 0),
            words=bool(cell["stealth_words"] > 0),
        )
