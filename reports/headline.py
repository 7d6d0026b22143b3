"""Write the headline of the published matrix: python -m reports.headline

It fills the tables of README.md and of docs/findings.md, beds.md and matrix.md, and draws docs/protection.svg:
protection by what the trainer knows. A level of knowledge is the part of the required set that a trainer with this
knowledge can play.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from bench.spec import PROTOCOL
from bench.tables.cells import compute_cells
from bench.tables.game import Game, split_games
from bench.tables.knowledge import TITLES, Entry, describe_game, score_game, split_set, tabulate_points
from bench.tables.ranks import compute_leaderboard
from bench.tables.runs import load_published_runs
from bench.tables.worth import CURVES, Worth, compute_worth
from leaderboard.charts import draw_knowledge
from reports import ablations, coverage, levels, markdown, own_recipes

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *(ROOT / "docs" / name for name in ("findings.md", "beds.md", "matrix.md")))
FIGURE = ROOT / "docs" / "protection.svg"

DRAWN = ("mmguard", "mmguard_crs", "em", "hypo", "feature_shift", "random_noise")
"""Defenses of the figure."""

BOXED = ("mmguard", "mmguard_crs", "multimodal", "text_trigger", "em", "hypo")
"""Defenses that are compared by the owner's models."""

RANKED = ("plain", "K0", "K1", "K2")
"""Levels that decide the rank. A trainer of K3 or K4 holds more than the release, and is compared with that."""

FirstSeeds = dict[Game, list[tuple[str, ...]]]
"""The rows of each game at its first seed, columns as `FIRST_SEED`."""

FIRST_SEED = ("release", TITLES["plain"], "best of what was played", "attack", "attacks met")


def tabulate_game(entries: list[Entry]) -> str:
    """Return the table of one game: protection at each level that some defense met, seeds, and the chosen attack.

    Defenses that met the plain attack alone, or a part of another level, are left out. Numbers of one seed are marked.
    """
    entries = [entry for entry in entries if set(entry.levels) > {"plain"} or entry.so_far is None]
    met = [level for level in TITLES if any(level in entry.levels for entry in entries)]

    def rows() -> Iterator[list[str]]:
        for entry in entries:
            most = max(entry.levels, key=list(TITLES).index)
            yield [
                f"`{entry.defense}`" + (" (control)" if entry.is_control else ""),
                *(levels.cell(entry, level) for level in met),
                str(max(len(level.attacks) for level in entry.levels.values())),
                f"`{entry.attack(most)}`",
            ]

    titles = ("release", *(TITLES[level] for level in met), "seeds", "attack of the last trainer, first seed")
    return levels.add_legend(markdown.table(titles, rows()))


def load_rows() -> pd.DataFrame:
    """Return the published rows of the present protocol."""
    runs = load_published_runs()
    return runs[runs["protocol"] == PROTOCOL]


def score_games(runs: pd.DataFrame) -> dict[str, list[Entry]]:
    """Return the games of some rows by name, those with most rows first."""
    games = sorted(split_games(runs), key=lambda pair: -len(pair[1]))
    scored = {game.title: score_game(runs) for game, runs in games}
    return {name: entries for name, entries in scored.items() if entries}


def tabulate_all(games: dict[str, list[Entry]]) -> str:
    """Return the tables of the games in which some defense met a level beyond the plain one, each under its name."""
    whole = {name: entries for name, entries in games.items() if any(set(e.levels) > {"plain"} for e in entries)}
    return "\n\n".join(f"### {name}\n\n{tabulate_game(entries)}" for name, entries in whole.items())


def score_first_seed(played: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the rows of one game at its first seed, columns as `FIRST_SEED`; none where all met the whole set."""
    board = compute_leaderboard(played[played["seed"] == played["seed"].min()])
    if board.empty or (board["met"] == board["of"]).all():
        return []
    in_set = split_set()["K2"]
    return [
        (
            f"`{row.defense_label}`" + (" (control)" if row.status == "control" else ""),
            markdown.interval((row.plain, row.plain_low, row.plain_high)),
            markdown.interval((row.so_far, row.so_far_low, row.so_far_high)),
            f"`{row.attack}`" + ("" if row.attack in in_set else " (outside the set)"),
            f"{row.met} of {row.of}",
        )
        for row in board.sort_values("plain", ascending=False, kind="stable").itertuples()
    ]


def score_first_seeds(runs: pd.DataFrame) -> FirstSeeds:
    """Return the rows of every game at its first seed."""
    return {game: score_first_seed(played) for game, played in split_games(runs)}


def tabulate_first_seed(first: FirstSeeds) -> str:
    """Return for each game all defenses at its first seed, where some met a part of the required set alone."""
    scored = {game: rows for game, rows in first.items() if rows}
    return "\n\n".join(f"### {game.title}\n\n{markdown.table(FIRST_SEED, rows)}" for game, rows in scored.items())


def tabulate_outside(runs: pd.DataFrame) -> str:
    """Return for each game the attacks outside the required set, each compared with itself on clean data."""
    in_set = split_set()["K4"]
    outside = runs[~runs["attack_text"].isin(in_set) & (runs["defense"] != "none")]

    def tables() -> Iterator[str]:
        for game, played in split_games(outside):
            rows = (
                (
                    f"`{cell.defense_label}`",
                    f"`{cell.attack_label}`",
                    markdown.interval((cell.protection, cell.low, cell.high)),
                    str(cell.seeds),
                )
                for cell in compute_cells(played).itertuples()
            )
            yield f"### {game.title}\n\n" + markdown.table(("release", "attack", "protection", "seeds"), rows)

    return "\n\n".join(tables())


def tabulate_worth(worths: dict[str, list[Worth]]) -> str:
    """Return for each game with a clean learning curve the share of clean pictures that each release is worth."""

    def tables() -> Iterator[str]:
        for name, rows_of_worth in worths.items():
            by_defense: dict[str, dict[str, Worth]] = {}
            for worth in rows_of_worth:
                by_defense.setdefault(worth.defense, {})[worth.level] = worth
            rows = (
                [f"`{defense}`", *(_share(by_level.get(level)) for level in CURVES)]
                for defense, by_level in by_defense.items()
            )
            if by_defense:
                columns = ("release", *(TITLES[level] for level in CURVES))
                yield f"### {name}\n\n" + markdown.table(columns, rows)

    return "\n\n".join(tables())


def _share(worth: Worth | None) -> str:
    if worth is None:
        return ""
    value, low, high = (100 * share for share in worth.share)
    return f"{value:.0f} % [{low:.0f}, {high:.0f}], {worth.seeds} seed{'s' if worth.seeds > 1 else ''}"


def tabulate_accuracies(runs: pd.DataFrame) -> str:
    """Return the test accuracy of each attack on each release of the published games, in per cent.

    Attacks outside the required set come last.
    """
    in_set = split_set()["K4"]

    def tables() -> Iterator[str]:
        for game, played in split_games(runs):
            texts = set(played["attack_text"])
            attacks = [*(text for text in in_set if text in texts), *sorted(texts - set(in_set))]
            means = played.pivot_table(index="attack_text", columns="defense_label", values="utility", aggfunc="mean")
            labels = sorted(means.columns, key=lambda label: (label != "none", label))
            rows = ([f"`{text}`", *(_per_cent(means[label].get(text)) for label in labels)] for text in attacks)
            yield f"### {game.title}\n\n" + markdown.table(("attack", *(f"`{label}`" for label in labels)), rows)

    return "\n\n".join(tables())


def _per_cent(accuracy: float | None) -> str:
    return "" if accuracy is None or pd.isna(accuracy) else f"{100 * accuracy:.1f}"


def tell_answer(entries: list[Entry], worth: list[Worth]) -> str:
    """Return the answer of a game as a list of sentences."""
    return "\n".join(f"- {sentence}" for sentence in [*describe_game(entries), *tell_worth(worth)])


def tell_summary(entries: list[Entry], worth: list[Worth]) -> str:
    """Return the table of a game with the releases that met the whole set, and their worth."""
    met = [entry for entry in entries if "K2" in entry.levels]
    return "\n\n".join([tabulate_game(list(map(keep_ranked, met))), *tell_worth(worth)])


def keep_ranked(entry: Entry) -> Entry:
    """Return an entry with the levels that decide the rank."""
    return entry._replace(levels={level: score for level, score in entry.levels.items() if level in RANKED})


def tabulate_boxes(first: FirstSeeds, dataset: str) -> str:
    """Return what default LoRA loses at the first seed on a data set, by the owner's models and the trainer's."""

    def rows() -> Iterator[list[str]]:
        for game, scored in sorted(first.items(), key=lambda pair: (pair[0].victim, pair[0].threat != "white")):
            plain = {release.strip("`"): text for release, text, *_ in scored}
            if game.dataset == dataset:
                models = ", ".join(f"`{name}`" for name in game.surrogates.split(","))
                yield [f"`{game.victim}`", models, *(plain.get(name, "") for name in BOXED)]

    return markdown.table(("the trainer's model", "crafted on", *(f"`{name}`" for name in BOXED)), rows())


def tell_worth(rows: list[Worth], defense: str = "mmguard") -> list[str]:
    """Return the worth of a release in clean pictures, a sentence for each trainer; none where it was not measured."""
    return [
        f"A trainer who {TITLES[row.level]} gets as much from a release under `{defense}` as from this share of its "
        f"pictures, unprotected: {_share(row)}."
        for row in rows
        if row.defense == defense
    ]


def make_tables(runs: pd.DataFrame, games: dict[str, list[Entry]]) -> dict[str, Callable[[], str]]:
    """Return what makes each table of the pages, by its name there. What several of them need is computed here."""
    first = score_first_seeds(runs)
    played = {game.title: rows for game, rows in split_games(runs)}
    worths = {name: compute_worth(entries, played[name]) for name, entries in games.items()}
    most = next(iter(games))
    return {
        "summary": lambda: tell_summary(games[most], worths[most]),
        "boxes": lambda: tabulate_boxes(first, played[most]["dataset"].iloc[0]),
        "answer": lambda: tell_answer(games[most], worths[most]),
        "all games": lambda: tabulate_all(games),
        "first seed": lambda: tabulate_first_seed(first),
        "ablations": lambda: ablations.tabulate(played[most]),
        "own recipes": lambda: own_recipes.tabulate(played[most]),
        "outside the set": lambda: tabulate_outside(runs),
        "worth": lambda: tabulate_worth(worths),
        "accuracies": lambda: tabulate_accuracies(runs),
        "coverage": lambda: coverage.tabulate(runs),
    }


def main() -> None:
    """Write the pages and the figure."""
    runs = load_rows()
    games = score_games(runs)
    tables = make_tables(runs, games)
    for page in PAGES:
        page.write_text(markdown.fill(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
    most = next(iter(games.values()))
    draw_knowledge(tabulate_points(map(keep_ranked, most)), DRAWN).properties(width=640, height=280).save(FIGURE)


if __name__ == "__main__":
    main()
