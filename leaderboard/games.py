"""The games of the runs that are shown, and their standings: computed once for all visitors."""

from datetime import date
from typing import NamedTuple

import pandas as pd

from bench.tables.game import GAME_COLUMNS, split_games
from bench.tables.knowledge import Entry, score_game
from bench.tables.ladders import find_climbed, tabulate_ladders
from bench.tables.standings import Standing, compute_standing, load_standing
from bench.victims import EMBEDDED
from leaderboard.once import once

OTHER_FAMILY = "other"
"""The family of victims that are not embedded."""


class Games(NamedTuple):
    """All games: one row each with its columns, its victim's `family` and its number of `runs`; and those runs."""

    table: pd.DataFrame
    runs: list[pd.DataFrame]


@once
def split(runs: pd.DataFrame) -> Games:
    """Return the games of rows of `tabulate_runs`."""
    pairs = list(split_games(runs))
    table = pd.DataFrame([game for game, _ in pairs], columns=GAME_COLUMNS)
    families = [EMBEDDED.get(victim) or OTHER_FAMILY for victim in table["victim"]]
    return Games(table.assign(family=families, runs=[len(played) for _, played in pairs]), [p for _, p in pairs])


def order_options(table: pd.DataFrame, column: str) -> list[str | int]:
    """Return the values of a column of the games, those with the most runs first."""
    counts = table.groupby(column, sort=False)["runs"].sum()
    return list(counts.sort_values(ascending=False, kind="stable").index)


@once
def get_standing(game: pd.DataFrame, runs: pd.DataFrame, *, is_kept: bool = True) -> Standing:
    """Return the standing of a game, which is kept in the home but for games that a visitor cuts out of others."""
    return load_standing(game, runs) if is_kept else compute_standing(game, runs)


@once
def get_entries(game: pd.DataFrame, runs: pd.DataFrame) -> list[Entry]:
    """Return what `score_game` does."""
    return score_game(game, get_standing(game, runs).board)


@once
def get_ladder(game: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return what `tabulate_ladders` does for one defense of a game."""
    return tabulate_ladders(game[game["defense_label"] == label])


def name_climbed(game: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    """Return the labels of the defenses of a game that have a ladder: methods as ranked, then controls and `none`."""
    climbed = find_climbed(game)
    board = get_standing(game, runs).board
    order = [] if board.empty else [label for label in board["defense_label"] if label in climbed]
    return [*order, *sorted(climbed - set(order))]


@once
def restrict(runs: pd.DataFrame, first: date | None, last: date | None) -> pd.DataFrame:
    """Return the runs that were played from one day to another, both included, in UTC; None sets no limit."""
    days = runs["created"].dt.date
    chosen: pd.DataFrame = runs[(days >= (first or date.min)) & (days <= (last or date.max))]
    return chosen


def find_siblings(game: pd.DataFrame, runs: pd.DataFrame, free: tuple[str, ...]) -> list[pd.DataFrame]:
    """Return the runs of each game that differs from one in the columns `free` alone, the game itself among them."""
    games = split(runs)
    same = [name for name in GAME_COLUMNS if name not in free]
    is_sibling = (games.table[same] == game[same].iloc[0]).all(axis=1)
    return [played for played, chosen in zip(games.runs, is_sibling, strict=True) if chosen]


def find_first(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the game that pages show at first."""
    games = split(runs)
    table = games.table
    for column in GAME_COLUMNS:
        table = table[table[column] == order_options(table, column)[0]]
    return games.runs[int(table.index[0])]
