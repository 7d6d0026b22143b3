"""Write the headline of the published matrix: python -m reports.headline

It fills the tables of README.md and docs/findings.md, and draws docs/protection.svg: protection by what the trainer
knows. A level of knowledge is the part of the required set that a trainer with this knowledge can play.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import altair as alt
import pandas as pd

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from attacks.required import load_required
from bench.scoring.stats import Estimate
from bench.tables.game import Game, split_games
from bench.tables.levels import LevelScore, score_level
from bench.tables.ranks import compute_leaderboard
from bench.tables.runs import load_published_runs
from defenses import REGISTRY as DEFENSES
from reports import markdown

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "findings.md")
FIGURE = ROOT / "docs" / "protection.svg"

TITLES = {
    "plain": "suspects nothing",
    "K0": "tries other recipes",
    "K1": "also cleans pictures",
    "K2": "also knows the method",
    "K3": "can have pictures protected",
    "K4": "holds some clean pictures",
}
"""Levels of knowledge, and the trainer of each in words."""

DRAWN = ("mmguard", "mmguard_crs", "em", "hypo", "feature_shift", "random_noise")
"""Defenses of the figure."""


class Entry(NamedTuple):
    """One defense of one game: its scores by level of knowledge, where the level was played."""

    defense: str
    levels: dict[str, LevelScore]

    def protection(self, level: str) -> Estimate | None:
        """Return the protection at a level; None where it is not defined."""
        scored = self.levels.get(level)
        return scored.score.protection if scored and scored.score and scored.score.eligible else None


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
    """Return the defenses of one game in the leaderboard's order. A level that was not wholly met is left out."""
    entries = []
    for label in compute_leaderboard(runs)["defense_label"]:
        played = runs[runs["defense_label"] == label]
        scored = {level: score_level(played, attacks, runs) for level, attacks in split_set().items()}
        entries.append(Entry(label, {name: level for name, level in scored.items() if level and not level.missing}))
    return entries


def tabulate_game(entries: list[Entry]) -> str:
    """Return the table of one game: protection at each level that some defense met, seeds, and the chosen attack."""
    levels = [level for level in TITLES if any(level in entry.levels for entry in entries)]

    def rows() -> Iterator[list[str]]:
        for entry in entries:
            strongest = entry.levels[max(entry.levels, key=list(TITLES).index)]
            cells = [entry.protection(level) for level in levels]
            yield [
                f"`{entry.defense}`" + (" (control)" if entry.defense.split(" ")[0] in DEFENSES.controls else ""),
                *(markdown.interval(cell) if cell else "" for cell in cells),
                str(len(strongest.attacks)),
                f"`{strongest.attacks[min(strongest.attacks)]}`",
            ]

    return markdown.table(("release", *(TITLES[level] for level in levels), "seeds", "attack, seed 0"), rows())


def name_game(game: Game) -> str:
    """Return a game in words."""
    return f"{game.dataset}, {game.victim}, {game.threat} box"


def tabulate_all(games: dict[str, list[Entry]]) -> str:
    """Return the tables of all games, each under its name."""
    return "\n\n".join(f"### {name}\n\n{tabulate_game(entries)}" for name, entries in games.items())


def draw(games: dict[str, list[Entry]]) -> alt.FacetChart:
    """Return the figure: for each game, protection by level of knowledge with its interval, a line for each defense."""
    points = pd.DataFrame([
        {"game": name, "defense": entry.defense, "trainer": TITLES[level], **estimate._asdict()}
        for name, entries in games.items()
        for entry in entries
        if entry.defense in DRAWN
        for level in entry.levels
        if (estimate := entry.protection(level))
    ])  # fmt: skip
    order = [title for title in TITLES.values() if title in set(points["trainer"])]
    base = alt.Chart(points).encode(
        x=alt.X("trainer:N", sort=order, title="the trainer", axis=alt.Axis(labelAngle=-20)),
        xOffset=alt.XOffset("defense:N", sort=list(DRAWN)),
        color=alt.Color("defense:N", sort=list(DRAWN), title=None),
    )
    value = alt.Y("value:Q", title="protection: 1 the release is worth nothing, 0 as much as clean data")
    intervals = base.mark_rule().encode(y=alt.Y("low:Q"), y2="high:Q")
    layers = intervals + base.mark_point(filled=True, size=60).encode(y=value)
    return layers.properties(width=420, height=260).facet(column=alt.Column("game:N", title=None))


def load_games() -> dict[str, list[Entry]]:
    """Return the published games of the present protocol by name, those with most runs first."""
    games = sorted(split_games(load_published_runs()), key=lambda pair: -len(pair[1]))
    scored = {name_game(game): score_game(runs) for game, runs in games}
    return {name: entries for name, entries in scored.items() if any(entry.levels for entry in entries)}


def main() -> None:
    """Write the pages and the figure."""
    games = load_games()
    main_game = next(iter(games))
    tables = {"all games": lambda: tabulate_all(games), "main game": lambda: tabulate_game(games[main_game])}
    for page in PAGES:
        page.write_text(markdown.fill(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
    draw(games).save(FIGURE)


if __name__ == "__main__":
    main()
