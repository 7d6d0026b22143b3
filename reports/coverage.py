"""Count how much of the matrix was played: releases, attacks and seeds of each game, from its rows."""

from collections.abc import Iterator

import pandas as pd

from bench.tables.game import split_games
from bench.tables.knowledge import split_set
from reports import markdown

COLUMNS = ("game", "releases", "met the whole adaptive set", "with three seeds or more", "attacks", "runs")


def tabulate(runs: pd.DataFrame) -> str:
    """Return a table with a row for each game, those with most runs first, and their sum; columns as `COLUMNS`.

    Clean data are no release, but their runs count.
    """
    games = sorted(split_games(runs), key=lambda pair: -len(pair[1]))

    def rows() -> Iterator[list[str]]:
        for game, played in games:
            yield [game.title, *(str(number) for number in count(played)), str(len(played))]
        yield ["**all**", "", "", "", "", str(len(runs))]

    return markdown.table(COLUMNS, rows())


def count(played: pd.DataFrame) -> tuple[int, int, int, int]:
    """Return the numbers of releases, of those that met the whole set, of those with three seeds, and of attacks."""
    releases = played[played["defense"] != "none"]
    whole = set(split_set()["K2"])
    met = releases.groupby(["defense_label", "seed"])["attack_text"].agg(set).map(whole.issubset)
    seeds = releases.groupby("defense_label")["seed"].nunique()
    attacks = played["attack_text"].nunique()
    return len(seeds), int(met.groupby("defense_label").any().sum()), int((seeds >= 3).sum()), attacks
