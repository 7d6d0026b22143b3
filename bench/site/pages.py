"""The pages of the site as texts: overview, ranking, matrix, and one for each defense."""

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.errors import printable
from bench.scoring.stats import Estimate
from bench.site.intervals import LEFT, ROW, WIDTH, place_intervals
from bench.tables.cells import estimate
from bench.tables.game import Game, split_games
from bench.tables.knowledge import TITLES, Entry, answer_game, score_game
from bench.tables.ranks import order_attacks, order_defenses
from bench.tables.runs import select_comparable
from bench.tables.standings import load_standing
from defenses import REGISTRY as DEFENSES

SHADES = 10
"""Shades of the matrix, from no protection to full."""


class Section(NamedTuple):
    """One game with what the pages say of it. `board`, `cells`: of its standing."""

    title: str
    board: pd.DataFrame
    cells: pd.DataFrame
    entries: list[Entry]


def build_pages(runs: pd.DataFrame) -> dict[str, str]:
    """Return the files of the site by their places; `runs` as `tabulate_runs` gives them."""
    sections = [_make_section(game, played, runs) for game, played in _sort_games(runs)]
    names = sorted({str(name) for name in runs["defense"]})
    addresses = {name: f"defenses/{name_file(name)}.html" for name in names}
    facts = {
        "runs": len(runs), "defenses": len(names), "attacks": runs["attack_text"].nunique(),
        "data sets": runs["dataset"].nunique(), "victims": runs["victim"].nunique(),
        "newest": "" if runs.empty else runs["created"].max().date().isoformat(),
    }  # fmt: skip
    common = {"sections": sections, "addresses": addresses, "facts": facts}
    pages = {f"{page}.html": _render(page, up="", **common) for page in ("index", "ranking", "matrix")}
    for name, address in addresses.items():
        summary = DEFENSES.catalog[name].summary if name in DEFENSES.catalog else ""
        pages[address] = _render("defense", up="../", name=name, summary=summary, **common)
    return {**pages, "site.css": _environment().get_template("site.css.jinja").render()}


def name_file(name: str) -> str:
    """Return a safe name of a file for a name from anywhere: itself, or its letters with a hash.

    >>> name_file("em_class"), name_file("../é<script>")
    ('em_class', 'script-0635c598')
    """
    safe = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-_")[:60]
    return name if name and safe == name else f"{safe or 'defense'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _sort_games(runs: pd.DataFrame) -> list[tuple[Game, pd.DataFrame]]:
    """Return the games with comparable runs, those with most runs first."""
    games = [(game, played) for game, played in split_games(runs) if not select_comparable(played).empty]
    return sorted(games, key=lambda pair: -len(pair[1]))


def _make_section(game: Game, played: pd.DataFrame, runs: pd.DataFrame) -> Section:
    budget = f"ε {game.epsilon}/255, {game.words} words"
    title = f"{game.title}, {budget}"
    standing = load_standing(played, runs)
    return Section(title, standing.board, standing.cells, score_game(played, standing.board))


def _list_sentences(section: Section) -> list[str]:
    names = [entry.defense for entry in section.entries]
    first = "mmguard" if "mmguard" in names else (names or [""])[0]
    return [sentence.replace("`", "") for sentence in answer_game(section.entries, first)]


def _draw_ranking(section: Section) -> Any:
    if section.board.empty:
        return place_intervals([])
    rows = section.board.dropna(subset=["so_far"]).itertuples()
    return place_intervals(
        (str(row.defense_label), _whole(row.so_far, row.so_far_low, row.so_far_high)) for row in rows
    )


def _draw_levels(entry: Entry) -> Any:
    scores = {title: entry.protection(level) for level, title in TITLES.items()}
    return place_intervals((title, score) for title, score in scores.items() if score)


def _whole(value: Any, low: Any, high: Any) -> Estimate:
    return estimate(value, low, high) or Estimate(float(value), float(value), float(value))


def _rank_rows(section: Section) -> Iterator[dict[str, Any]]:
    for row in section.board.to_dict("records"):
        yield {str(key): value for key, value in row.items()} | {
            "interval": _number_interval(row["adaptive"], row["adaptive_low"], row["adaptive_high"])
        }


def _matrix_rows(section: Section) -> tuple[list[str], list[tuple[str, str, list[Any]]]]:
    """Return the attacks, and for each defense its label, its name and a cell for each attack, None where not met."""
    cells = {(row["defense_label"], row["attack_label"]): row for row in section.cells.to_dict("records")}
    names = dict(zip(section.cells["defense_label"], section.cells["defense"], strict=True))
    attacks = order_attacks(section.cells)
    defenses = order_defenses(section.cells)
    return attacks, [(label, names[label], [cells.get((label, attack)) for attack in attacks]) for label in defenses]


def _defense_cells(section: Section, name: str) -> list[dict[str, Any]]:
    found = section.cells[section.cells["defense"] == name].sort_values("protection", kind="stable")
    rows: list[dict[str, Any]] = found.to_dict("records")  # type: ignore[assignment]
    return rows


def _defense_entries(section: Section, name: str) -> list[Entry]:
    labels = set(section.cells.loc[section.cells["defense"] == name, "defense_label"])
    return [entry for entry in section.entries if entry.defense in labels]


def _number(value: Any, digits: int = 2) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.{digits}f}"


def _number_interval(value: Any, low: Any, high: Any) -> str:
    return "–" if pd.isna(value) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _shade(value: Any) -> str:
    """Return the class of a cell's colour: `worse` below 0, otherwise a tenth of the protection."""
    if pd.isna(value):
        return "absent"
    return "worse" if value < -0.05 else f"shade{min(SHADES, max(0, round(SHADES * value)))}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bench.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda value: printable(value) if type(value) is str else value,
    )  # fmt: skip
    environment.globals.update(
        sentences=_list_sentences, draw_ranking=_draw_ranking, draw_levels=_draw_levels, rank_rows=_rank_rows,
        matrix_rows=_matrix_rows, defense_cells=_defense_cells, defense_entries=_defense_entries,
        width=WIDTH, left=LEFT, row=ROW, shades=SHADES,
    )  # fmt: skip
    environment.filters.update(number=_number, shade=_shade, interval=lambda c: _number_interval(*c))
    return environment


def _render(page: str, **values: Any) -> str:
    return _environment().get_template(f"{page}.html.jinja").render(page=page, **values) + "\n"
