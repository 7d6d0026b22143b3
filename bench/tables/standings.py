"""The standing of one game: its leaderboard, cells and flags. It is kept in the home under the rows it comes from."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.paths import home, keep
from bench.results.answers import find_answers, look_once
from bench.scoring.flag import Flag
from bench.spec import identity
from bench.tables import flags, ranks
from bench.tables.cells import compute_cells
from bench.tables.distrust import read_or_none
from bench.tables.runs import select_comparable
from bench.tables.seeds import Evaluations

ROW = ["id", "created", "reason", "origin", "title", "authors", "defense_label", "attack_label"]
ROW += ["utility", "validation", "protection"]
"""Columns of a run that tell whether it is still the same."""

ROOMS = ("tables", "scoring")
"""Folders of `bench` whose code decides a standing."""


class Standing(NamedTuple):
    """The tables of one game for pages: `compute_leaderboard`, `compute_cells` without evaluations, and `flag_game`."""

    board: pd.DataFrame
    cells: pd.DataFrame
    flags: list[Flag]


def name_standing(game: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Return the name of a game's standing: it changes with its rows, with the controls, and with this code.

    game, runs: the rows of one game, and those of all games, as `tabulate_runs` gives them.
    """
    rows = pd.concat([game, runs[runs["defense"].isin(flags.BLIND)]])
    # `hash_pandas_object` reads column by column, so that thousands of rows take milliseconds.
    content = pd.util.hash_pandas_object(rows[ROW], index=False).to_numpy().tobytes().hex()
    return identity([content, ranks.required_attacks(), _hash_code()])


def load_standing(game: pd.DataFrame, runs: pd.DataFrame) -> Standing:
    """Return the standing of a game, from the home if it is kept there. Arguments are those of `name_standing`.

    It is kept only where all answers are at hand: with answers that come later, intervals and ranks change.
    """
    file = home() / "standings" / f"{name_standing(game, runs)}.json"
    kept = read_or_none(lambda: _parse(file.read_bytes()))
    if kept is not None:
        return kept
    with look_once():
        standing = compute_standing(game, runs)
        if _has_answers(game):
            keep(file, _format(standing))
    return standing


def compute_standing(game: pd.DataFrame, runs: pd.DataFrame) -> Standing:
    """Return the standing of a game; nothing is kept. Arguments are those of `name_standing`."""
    with look_once():
        cells = compute_cells(select_comparable(game)).drop(columns="evaluations")
        return Standing(ranks.compute_leaderboard(game), cells, flags.flag_game(game, runs))


def _has_answers(game: pd.DataFrame) -> bool:
    names = {name for evaluations in game["evaluations"].dropna() for name in evaluations}
    return all(find_answers(name) is not None for name in names)


def _format(standing: Standing) -> str:
    tables = {"board": standing.board.to_dict("list"), "cells": standing.cells.to_dict("list")}
    return json.dumps({**tables, "flags": standing.flags}, default=lambda number: number.item())


def _parse(content: bytes) -> Standing:
    kept: dict[str, Any] = json.loads(content)
    board = pd.DataFrame(kept["board"])
    if "evaluations" in board:
        by_seed = [{int(seed): Evaluations(*names) for seed, names in row.items()} for row in board["evaluations"]]
        board["evaluations"] = pd.Series(by_seed, board.index, dtype=object)
    return Standing(board, pd.DataFrame(kept["cells"]), [Flag(*flag) for flag in kept["flags"]])


@cache
def _hash_code() -> str:
    folder = Path(__file__).parents[1]
    return identity([file.read_text() for room in ROOMS for file in sorted((folder / room).glob("*.py"))])
