"""Write the headline of the published matrix: python -m reports.headline

It fills the tables of README.md and docs/findings.md, and draws docs/protection.svg: protection by what the trainer
knows. A level of knowledge is the part of the required set that a trainer with this knowledge can play.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.tables.game import Game, split_games
from bench.tables.knowledge import TITLES, Entry, describe_game, score_game, tabulate_points
from bench.tables.runs import load_published_runs
from leaderboard.charts import draw_knowledge
from reports import markdown

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "findings.md")
FIGURE = ROOT / "docs" / "protection.svg"

DRAWN = ("mmguard", "mmguard_crs", "em", "hypo", "feature_shift", "random_noise")
"""Defenses of the figure."""


def tabulate_game(entries: list[Entry]) -> str:
    """Return the table of one game: protection at each level that some defense met, seeds, and the chosen attack."""
    levels = [level for level in TITLES if any(level in entry.levels for entry in entries)]

    def rows() -> Iterator[list[str]]:
        for entry in entries:
            most = max(entry.levels, key=list(TITLES).index)
            cells = [entry.protection(level) for level in levels]
            yield [
                f"`{entry.defense}`" + (" (control)" if entry.is_control else ""),
                *(markdown.interval(cell) if cell else "" for cell in cells),
                str(len(entry.levels[most].attacks)),
                f"`{entry.attack(most)}`",
            ]

    return markdown.table(("release", *(TITLES[level] for level in levels), "seeds", "attack, first seed"), rows())


def name_game(game: Game) -> str:
    """Return a game in words."""
    return f"{game.dataset}, {game.victim}, {game.threat} box"


def load_games() -> dict[str, list[Entry]]:
    """Return the published games of the present protocol by name, those with most runs first."""
    games = sorted(split_games(load_published_runs()), key=lambda pair: -len(pair[1]))
    scored = {name_game(game): score_game(runs) for game, runs in games}
    return {name: entries for name, entries in scored.items() if entries}


def tabulate_all(games: dict[str, list[Entry]]) -> str:
    """Return the tables of all games, each under its name."""
    return "\n\n".join(f"### {name}\n\n{tabulate_game(entries)}" for name, entries in games.items())


def tell_answer(games: dict[str, list[Entry]]) -> str:
    """Return the answer of each game in sentences, as a list."""
    return "\n".join(f"- **{name}**: {' '.join(describe_game(entries))}" for name, entries in games.items())


def main() -> None:
    """Write the pages and the figure."""
    games = load_games()
    tables = {"answer": lambda: tell_answer(games), "all games": lambda: tabulate_all(games)}
    for page in PAGES:
        page.write_text(markdown.fill(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
    first = next(iter(games.values()))
    draw_knowledge(tabulate_points(first), DRAWN).properties(width=640, height=280).save(FIGURE)


if __name__ == "__main__":
    main()
