"""Write the suite of further seeds, by the matrix's rule: python -m studies.next_seeds > seeds.yaml

After seed 0, the controls and every defense that may still protect are played with seeds 1 and 2, each against the
plain attack and the four attacks of the set that are best with its release on *validation*. A defense is sent home
where its whole interval at seed 0 is below the limit.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import typer
import yaml

from bench.results import rows
from bench.tables.game import Game, split_games
from bench.tables.levels import find_clean_sides, score_level
from bench.tables.ranks import RANKED, required_attacks
from bench.tables.runs import tabulate_runs
from defenses import REGISTRY as DEFENSES

LIMIT = 0.1
"""Protection that a defense may still have, at the upper end of its interval, to be played further."""


def choose_runs(runs: pd.DataFrame, seeds: list[int]) -> Iterator[dict[str, Any]]:
    """Yield one matrix of a suite for each defense of one game that goes on; `runs` as `tabulate_runs` gives them.

    Raises ValueError where a defense has not met the whole set.
    """
    attacks = required_attacks()[RANKED]
    for _, played in runs.groupby("defense_label", sort=True):
        defense = played["defense"].iloc[0]
        level = score_level(played[played["seed"] == 0], attacks, find_clean_sides(runs, attacks))
        if level is None or level.missing:
            raise ValueError(f"{defense} has not met the whole set at seed 0")
        protection = level.score.protection if level.score else None
        if defense in DEFENSES.controls or (protection is not None and protection.high >= LIMIT):
            options = {"options": played["defense_options"].iloc[0]} if played["defense_options"].iloc[0] else {}
            yield {"defenses": [{"name": defense, **options}], "attacks": list(level.shortlist), "seeds": seeds}


def make_suite(games: Iterable[tuple[Game, pd.DataFrame]], seeds: list[int]) -> dict[str, Any]:
    """Return a suite, as YAML holds it, with the further seeds of all games."""
    matrices = [
        {**matrix, "datasets": [game.dataset], "victims": [game.victim], "threats": [game.threat]}
        for game, runs in games
        for matrix in choose_runs(runs, seeds)
    ]
    first, *others = matrices
    return {"version": 1, "title": f"Seeds {', '.join(map(str, seeds))}, by validation", **first, "include": others}


def main(seeds: str = "1,2") -> None:
    """Print the suite for all games of this home."""
    games = split_games(tabulate_runs(rows.load()))
    typer.echo(yaml.safe_dump(make_suite(games, [int(seed) for seed in seeds.split(",")]), sort_keys=False), nl=False)


if __name__ == "__main__":
    typer.run(main)
