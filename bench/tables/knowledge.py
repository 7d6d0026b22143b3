"""Protection by what the trainer knows: the tables and sentences of README, findings and the app's first page."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import pandas as pd

from attacks.grammar import parse_attack
from attacks.required import load_required
from bench.scoring.stats import Estimate
from bench.tables.levels import LevelScore, Reference, find_clean_sides, score_level
from bench.tables.methods import read_knowledge
from bench.tables.ranks import compute_leaderboard
from defenses import REGISTRY as DEFENSES

TITLES = {
    "plain": "runs default LoRA",
    "K0": "tries other recipes",
    "K1": "also cleans pictures",
    "K2": "also knows the method",
    "K3": "can have pictures protected",
    "K4": "holds some clean pictures",
}
"""Levels of knowledge, from the least, and the trainer of each in words."""

PARTLY = "Against only some of the adaptive attacks, of which the trainer takes the best"
OTHERS_PARTLY = "Other methods and recipes that met only some of the adaptive attacks"

LISTED = 3
"""Methods that met only some of the attacks are named up to this number, those that kept most first."""


class Entry(NamedTuple):
    """One defense of one game: its scores by level of knowledge. A level that was not wholly met is absent.

    so_far: its score against those attacks of K2 that it has met, where some are missing; None where none is.
    """

    defense: str
    levels: dict[str, LevelScore]
    so_far: LevelScore | None = None

    @property
    def is_control(self) -> bool:
        """True for a release without a method."""
        return self.defense.split(" ")[0] in DEFENSES.controls

    def protection(self, level: str | None) -> Estimate | None:
        """Return the protection at a level; None where it was not met or is not defined."""
        return _eligible(self.levels.get(level or ""))

    def attack(self, level: str) -> str:
        """Return the attack that was chosen at a level with the first seed, in text form."""
        chosen = self.levels[level].attacks
        return chosen[min(chosen)]


def _eligible(scored: LevelScore | None) -> Estimate | None:
    """Return the protection of a score; None where it is not defined."""
    return scored.score.protection if scored and scored.score and scored.score.eligible else None


@cache
def split_set() -> dict[str, tuple[str, ...]]:
    """Return the attacks of the required set that a trainer can play, by level of knowledge.

    >>> split_set()["plain"]
    ('lora_sft',)
    """
    members = [member.attack for member in load_required().members["clean"]]
    knowledge = {text: read_knowledge(parse_attack(text)) for text in members}
    below = {level: tuple(text for text in members if knowledge[text] <= level) for level in TITLES if level != "plain"}
    return {"plain": tuple(member.attack for member in load_required().plain), **below}


def score_game(runs: pd.DataFrame, board: pd.DataFrame | None = None) -> list[Entry]:
    """Return the defenses of one game in the leaderboard's order; `runs` as `tabulate_runs` gives them.

    board: the leaderboard of the same runs, where it is at hand.
    The set alone counts: attacks outside it were chosen by somebody who may have seen its results.
    """
    board = compute_leaderboard(runs) if board is None else board
    clean = _find_clean_sides(runs)
    entries = [_score_entry(runs, label, clean) for label in ([] if board.empty else board["defense_label"])]
    return [entry for entry in entries if entry.levels]


def score_entry(runs: pd.DataFrame, label: str) -> Entry:
    """Return one defense of one game's `runs`, by its label. It has no level where it met none as a whole."""
    return _score_entry(runs, label, _find_clean_sides(runs))


def _find_clean_sides(runs: pd.DataFrame) -> dict[str, dict[int, Reference]]:
    return {level: find_clean_sides(runs, attacks) for level, attacks in split_set().items()}


def _score_entry(runs: pd.DataFrame, label: str, clean: dict[str, dict[int, Reference]]) -> Entry:
    played = runs[runs["defense_label"] == label]
    scored = {level: score_level(played, attacks, clean[level]) for level, attacks in split_set().items()}
    whole = {name: level for name, level in scored.items() if level and not level.missing}
    return Entry(label, whole, None if "K2" in whole else scored["K2"])


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
    sentences += _list_scores(PARTLY, _met_partly([own] if own else []))
    controls = [entry for entry in by_name.values() if entry.is_control]
    sentences += _list_scores("Other methods against the whole adaptive set", _at_level(rivals, "K2"))
    sentences += _list_highest(OTHERS_PARTLY, _met_partly(rivals))
    for level in ("plain", "K2"):
        title = f"Releases without a method, which should be at 0, where the trainer {TITLES[level]}"
        sentences += _list_scores(title, _at_level(controls, level))
    return sentences


def answer_game(entries: Iterable[Entry], defense: str = "mmguard") -> list[str]:
    """Return the answer of one game in three sentences at most.

    They are about a defense against the least and the most knowing trainer whom it met, and about the best of the
    others against that trainer who also knows the method. Where attacks of that trainer are missing, those count that
    were met, and the sentence says so.
    """
    by_name = {entry.defense: entry for entry in entries}
    own = by_name.get(defense)
    rivals = [entry for entry in by_name.values() if not entry.is_control and entry is not own]
    levels = _describe_levels(own) if own else []
    most = _list_scores(PARTLY, _met_partly([own])) if own else []
    sentences = [*levels[:1], *(most or levels[1:][-1:])]
    scored = [(entry, score) for entry in rivals if (score := entry.protection("K2"))]
    best, score = max(scored, key=lambda pair: pair[1].value, default=(None, None))
    if best and score:
        count = _count_seeds(best.levels["K2"])
        sentences.append(
            f"From a trainer who {TITLES['K2']}, the best other method takes {score} ({_code(best.defense)}, {count})."
        )
    else:
        sentences += _list_highest(OTHERS_PARTLY, _met_partly(rivals))
    return sentences


def _met_partly(entries: Iterable[Entry]) -> list[tuple[str, LevelScore]]:
    """Return the defenses that met more than one adaptive attack, and not all, each with its score against those."""
    return [(entry.defense, entry.so_far) for entry in entries if entry.so_far and len(entry.so_far.shortlist) > 1]


def _at_level(entries: Iterable[Entry], level: str) -> list[tuple[str, LevelScore]]:
    """Return the defenses that met a level, each with its score there."""
    return [(entry.defense, entry.levels[level]) for entry in entries if level in entry.levels]


def _list_scores(title: str, scores: Iterable[tuple[str, LevelScore]]) -> list[str]:
    """Return a sentence with the protection of each defense; none where no defense has any."""
    numbers = [
        f"{_code(defense)} {estimate}, {_count_seeds(scored)}"
        for defense, scored in scores
        if (estimate := _eligible(scored))
    ]
    return [f"{title}: {'; '.join(numbers)}."] if numbers else []


def _list_highest(title: str, scores: Iterable[tuple[str, LevelScore]]) -> list[str]:
    """Return a sentence with the protection of the defenses that kept most; it counts them if some are left out."""
    defined = [(estimate.value, defense, scored) for defense, scored in scores if (estimate := _eligible(scored))]
    highest = sorted(defined, key=lambda row: -row[0])[:LISTED]
    count = f" ({len(defined)}), the {LISTED} highest" if len(defined) > LISTED else ""
    return _list_scores(f"{title}{count}, against the best of those", [(name, scored) for _, name, scored in highest])


def _count_seeds(scored: LevelScore) -> str:
    return f"{len(scored.attacks)} seed{'s' if len(scored.attacks) > 1 else ''}"


def _describe_levels(entry: Entry) -> list[str]:
    """Return one sentence for each trainer whom the defense met, from the least knowing on."""
    scores = {level: entry.protection(level) for level in TITLES}
    own = _code(entry.defense)
    return [
        f"From a trainer who {TITLES[level]}, {own} takes {estimate} of what clean data are worth to them "
        f"({_count_seeds(entry.levels[level])}; best attack: {_code(entry.attack(level))})."
        for level, estimate in scores.items()
        if estimate
    ]


def _code(name: str) -> str:
    """Return a name, which may come from elsewhere, as inline code, in which Markdown means nothing."""
    return f"`{' '.join(name.replace('`', chr(39)).split())}`"
