"""A game is its six columns, here and in every table."""

import pandas as pd

from bench.tables.game import GAME_COLUMNS, Game, split_games

ROW = {"dataset": "tags", "victim": "v", "threat": "black", "surrogates": "a,b", "epsilon": 8, "words": 5}


def test_each_column_alone_makes_another_game() -> None:
    changes = [{}, {"dataset": "photos"}, {"victim": "w"}, {"threat": "gray"}, {"surrogates": "a"}, {"epsilon": 4}]
    rows = [ROW | change | {"id": number} for number, change in enumerate([*changes, {"words": 0}])]
    games = list(split_games(pd.DataFrame([*rows, ROW | {"id": 7}])))
    assert [game for game, _ in games] == [Game(**{name: row[name] for name in GAME_COLUMNS}) for row in rows]
    assert [runs["id"].tolist() for _, runs in games] == [[0, 7], [1], [2], [3], [4], [5], [6]]


def test_a_game_has_plain_numbers() -> None:
    ((game, _),) = split_games(pd.DataFrame([ROW]))
    assert (type(game.epsilon), type(game.words)) == (int, int)
    assert game == Game(**ROW)


def test_no_runs_are_no_games() -> None:
    assert list(split_games(pd.DataFrame(columns=GAME_COLUMNS))) == []
