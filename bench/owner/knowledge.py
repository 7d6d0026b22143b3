"""The published results of a method, and the limits of any protection, for an owner's report."""

from collections.abc import Iterator
from typing import Any

from bench.spec import PROTOCOL
from bench.tables.game import split_games
from bench.tables.knowledge import TITLES, Entry, describe_game, score_entry
from bench.tables.runs import load_published_runs

LIMITS = (
    "Protection raises the price of training on these files. It does not make it impossible.",
    "A method is known once it is published: a trainer who knows it, or who tries other recipes and cleans pictures, "
    "may get nearly everything back. The numbers here are against the attacks that were played, and others will come.",
    "They were measured on small models with the method's default options, not on your files or on a trainer's model.",
    "You rarely know which model somebody will train. Against one that the release was not crafted on, it may be worth "
    "nothing.",
    "Whatever was published before stays as it is: one clean copy elsewhere is enough.",
    "The report names the inserted words. Whoever has it can take them out: do not publish it.",
)
"""Sentences that every report has."""


def published(defense: str) -> list[dict[str, Any]]:
    """Return what the published results say of a method: for each game its sentences and its numbers.

    A number has the trainer in words, the protection with its 95 % interval, the seeds and the best attack.
    """
    runs = load_published_runs()
    games = []
    for game, rows in split_games(runs[runs["protocol"] == PROTOCOL]):
        entry = score_entry(rows, defense)
        if entry.levels:
            sentences = describe_game([entry], defense)
            games.append({"game": game._asdict(), "sentences": sentences, "levels": list(_levels(entry))})
    return games


def _levels(entry: Entry) -> Iterator[dict[str, Any]]:
    for level, trainer in TITLES.items():
        estimate = entry.protection(level)
        if estimate:
            seeds = len(entry.levels[level].attacks)
            yield {"trainer": trainer, **estimate._asdict(), "seeds": seeds, "attack": entry.attack(level)}
