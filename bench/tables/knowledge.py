"""Protection by what the trainer knows: the tables and sentences of README, findings and the app's first page."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import pandas as pd

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from attacks.required import load_required
from bench.scoring.stats import Estimate
from bench.tables.levels import LevelScore, further_attacks, score_level
from bench.tables.ranks import compute_leaderboard
from defenses import REGISTRY as DEFENSES

TITLES = {
    "plain": "suspects nothing",
    "K0": "tries other recipes",
    "K1": "also cleans pictures",
    "K2": "also knows the method",
    "K3": "can have pictures protected",
    "K4": "holds some clean pictures",
}
"""Levels of knowledge, from the least, and the trainer of each in words."""

KNOWN = {"plain": ""}
"""The knowledge with which a trainer of a level tries further attacks, where it is not the level itself: none."""


class Entry(NamedTuple):
    """One defense of one game: its scores by level of knowledge. A level that was not wholly met is absent."""

    defense: str
    levels: dict[str, LevelScore]

    @property
    def is_control(self) -> bool:
        """True for a release without a method."""
        return self.defense.split(" ")[0] in DEFENSES.controls

    @property
    def adaptive(self) -> str | None:
        """The level of the most that a trainer can know without queries and clean pictures; None if none was met."""
        return next((level for level in ("K2", "K1", "K0", "plain") if level in self.levels), None)

    def protection(self, level: str | None) -> Estimate | None:
        """Return the protection at a level; None where it was not met or is not defined."""
        scored = self.levels.get(level or "")
        return scored.score.protection if scored and scored.score and scored.score.eligible else None

    def attack(self, level: str) -> str:
        """Return the attack that was chosen at a level with the first seed, in text form."""
        chosen = self.levels[level].attacks
        return chosen[min(chosen)]


@cache
def split_set() -> dict[str, tuple[str, ...]]:
    """Return the attacks of the required set that a trainer can play, by level of knowledge.

    >>> split_set()["plain"]
    ('lora_sft',)
    """
    members = [member.attack for member in load_required().members["clean"]]
    knowledge = {text: ATTACKS.describe(parse_attack(text)).traits.knowledge for text in members}
    below = {level: tuple(text for text in members if knowledge[text] <= level) for level in TITLES if level != "plain"}
    return {"plain": tuple(member.attack for member in load_required().plain), **below}


def score_game(runs: pd.DataFrame) -> list[Entry]:
    """Return the defenses of one game in the leaderboard's order; `runs` as `tabulate_runs` gives them."""
    board = compute_leaderboard(runs)
    entries = []
    for label in [] if board.empty else board["defense_label"]:
        played = runs[runs["defense_label"] == label]
        scored = {
            level: score_level(played, attacks, runs, further_attacks(played, attacks, KNOWN.get(level, level)))
            for level, attacks in split_set().items()
        }
        entries.append(Entry(label, {name: level for name, level in scored.items() if level and not level.missing}))
    return [entry for entry in entries if entry.levels]


def tabulate_points(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return one row for each defense and level whose protection is defined: defense, trainer, value, low, high."""
    rows = [
        {"defense": entry.defense, "trainer": TITLES[level], **estimate._asdict()}
        for entry in entries
        for level in TITLES
        if (estimate := entry.protection(level))
    ]
    return pd.DataFrame(rows, columns=["defense", "trainer", *Estimate._fields])


def describe_game(entries: Iterable[Entry], defense: str = "mmguard") -> list[str]:
    """Return the answer of one game in sentences: a defense by the trainer's knowledge, its rivals, and the controls.

    Nothing is said of what was not met.
    """
    by_name = {entry.defense: entry for entry in entries}
    own = by_name.get(defense)
    sentences = _describe_levels(own) if own else []
    rivals = [entry for entry in by_name.values() if not entry.is_control and entry is not own]
    controls = [entry for entry in by_name.values() if entry.is_control]
    sentences += _list_numbers("Other methods against the most knowing of them", [(e, e.adaptive) for e in rivals])
    for level in ("plain", "K2"):
        title = f"Releases without a method, which should be at 0, where the trainer {TITLES[level]}"
        sentences += _list_numbers(title, [(entry, level) for entry in controls])
    return sentences


def _list_numbers(title: str, pairs: Iterable[tuple[Entry, str | None]]) -> list[str]:
    """Return a sentence with the protection of each defense at a level; none where no defense has any."""
    numbers = [
        f"{_code(entry.defense)} {_number(estimate)}, {_count_seeds(entry, level)}"
        for entry, level in pairs
        if level and (estimate := entry.protection(level))
    ]
    return [f"{title}: {'; '.join(numbers)}."] if numbers else []


def _count_seeds(entry: Entry, level: str) -> str:
    count = len(entry.levels[level].attacks)
    return f"{count} seed{'s' if count > 1 else ''}"


def _describe_levels(entry: Entry) -> list[str]:
    """Return one sentence for each trainer whom the defense met, from the least knowing on."""
    scores = {level: entry.protection(level) for level in TITLES}
    own = _code(entry.defense)
    return [
        f"From a trainer who {TITLES[level]}, {own} takes {_number(estimate)} of what clean data are worth to them "
        f"({_count_seeds(entry, level)}; best attack: {_code(entry.attack(level))})."
        for level, estimate in scores.items()
        if estimate
    ]


def _code(name: str) -> str:
    """Return a name, which may come from elsewhere, as inline code, in which Markdown means nothing."""
    return f"`{' '.join(name.replace('`', chr(39)).split())}`"


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"
