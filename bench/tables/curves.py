"""Protection along one number: the pixel budget of the game, an option of the attack, or an option of the defense."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from attacks import REGISTRY as ATTACKS
from attacks.grammar import format_attack, parse_attack
from bench.spec import Method
from bench.tables.distrust import read_or_none
from bench.tables.methods import load_options

COLUMNS = ["option", "at", "series", "value", "low", "high"]


def tabulate_attack_options(cells: pd.DataFrame) -> pd.DataFrame:
    """Return how protection changes with each number that an attack is given: its share, its epochs, its rank.

    cells: of one game, with the column `attack_text`. Columns: `option`; `at`, its value; `series`, the defense and the
    attack without this option; value, low, high. Only series with two points or more are there.
    """
    rows = []
    for cell in cells.to_dict("records"):
        for option, value, attack in read_or_none(partial(_vary, cell["attack_text"])) or []:
            rows.append((option, value, f"{cell['defense_label']}: {attack}", *_scores(cell, "protection")))
    return _keep_curves(rows)


def _vary(text: str) -> list[tuple[str, float, str]]:
    """Return each option of an attack that is a number, its value, and the attack in text form without it."""
    method = parse_attack(text)
    varied = []
    for option, value in _numbers(ATTACKS.describe(method).options):
        others = {key: given for key, given in method.options.items() if key != option}
        varied.append((option, value, format_attack(Method(name=method.name, options=others))))
    return varied


def tabulate_defense_options(board: pd.DataFrame, game: pd.DataFrame) -> pd.DataFrame:
    """Return how protection against adaptive trainers changes with each number that a defense is given.

    board: the leaderboard of `game`. Columns are those of `tabulate_attack_options`; `series` is the defense, with
    those of its other options that differ.
    """
    given = dict(zip(game["defense_label"], game["defense_options"], strict=True))
    rows = []
    for row in board.to_dict("records"):
        own = given[row["defense_label"]]
        for option, value in _numbers({**load_options(str(row["defense"])), **own}):
            others = {key: other for key, other in own.items() if key != option}
            series = " ".join([str(row["defense"]), *(f"{key}={other}" for key, other in sorted(others.items()))])
            rows.append((option, value, series, *_scores(row, "so_far")))
    return _keep_curves(rows)


def _scores(row: Mapping[Any, Any], name: str) -> tuple[float, float, float]:
    prefix = "" if name == "protection" else f"{name}_"
    return row[name], row[f"{prefix}low"], row[f"{prefix}high"]


def _numbers(options: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for option, value in options.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield option, float(value)


def _keep_curves(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    points = pd.DataFrame(rows, columns=COLUMNS).dropna(subset=["value"])
    lengths = points.groupby(["option", "series"])["at"].transform("nunique")
    return points[lengths > 1].sort_values(["option", "series", "at"], ignore_index=True)
