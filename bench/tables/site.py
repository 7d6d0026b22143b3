"""A static site of results, which any web host serves: one file for each page, no script, nothing from elsewhere."""

import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bench.paths import write_atomic
from bench.spec import identity
from bench.tables.attack_labels import HEADINGS, label_attacks
from bench.tables.game import Game, split_games
from bench.tables.knowledge import describe_game, score_game
from bench.tables.method_tables import LEVELS, tabulate_levels
from bench.tables.ranks import order_defenses
from bench.tables.standings import Standing, load_standing

STYLE = """
:root {color-scheme: light dark; --line: #8a8a8a55}
body {font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1200px; padding: 1rem}
nav a {margin-right: 1rem} .wide {overflow-x: auto} .muted {color: #777}
table {border-collapse: collapse; font-variant-numeric: tabular-nums}
th, td {padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap}
.bar {position: relative; display: inline-block; width: 160px; height: 12px; background: var(--line)}
.bar i {position: absolute; top: 0; height: 12px; background: #1f8a84}
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Cell(NamedTuple):
    """A cell of a table: its text, an address it leads to, and an interval in [0,1] of the bar's width."""

    text: str
    href: str = ""
    bar: tuple[float, float] | None = None


def write_site(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """Write overview, ranking and matrix of each game and a page for each defense; return the files.

    runs: those of `tabulate_runs`.
    """
    files = []
    links = []
    for game, played in split_games(runs):
        name = identity(game._asdict())[:8]
        standing = load_standing(played, runs)
        links.append((game, name, len(played)))
        for title, body in _game_pages(name, played, standing):
            files.append(folder / f"{title}-{name}.html")
            write_atomic(files[-1], render_page(f"{title} · {_describe(game)}", body))
    pages = [_overview(game, name, count, runs) for game, name, count in links]
    files.append(folder / "index.html")
    write_atomic(files[-1], render_page("Protection leaderboard", "".join(pages) or "<p>No results yet.</p>"))
    return files


def render_page(title: str, body: str) -> str:
    """Return a whole page; `title` is plain text and `body` is HTML."""
    safe = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{safe}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<style>{STYLE}</style></head><body><nav><a href="index.html">Overview</a></nav>'
        f"<h1>{safe}</h1>{body}</body></html>\n"
    )


def render_table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table in HTML, in which every text is escaped.

    >>> render_table(["a"], [[Cell("<b>")]])
    '<div class="wide"><table><tr><th>a</th></tr><tr><td>&lt;b&gt;</td></tr></table></div>'
    """
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{_render_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _render_cell(cell: Cell) -> str:
    text = html.escape(cell.text)
    if cell.href:
        text = f'<a href="{html.escape(cell.href)}">{text}</a>'
    if cell.bar is None:
        return text
    low, high = (100 * min(1.0, max(0.0, end)) for end in cell.bar)
    return f'<span class="bar"><i style="left:{low:.1f}%;width:{max(1.0, high - low):.1f}%"></i></span> {text}'


def _overview(game: Game, name: str, count: int, runs: pd.DataFrame) -> str:
    played = runs[(runs[list(game._fields)] == pd.Series(game._asdict())).all(axis=1)]
    sentences = "".join(f"<li>{html.escape(text.replace('`', ''))}</li>" for text in describe_game(score_game(played)))
    return (
        f"<h2>{html.escape(_describe(game))}</h2><ul>{sentences}</ul>"
        f'<p>{count} runs: <a href="ranking-{name}.html">ranking</a>, <a href="matrix-{name}.html">matrix</a></p>'
    )


def _game_pages(name: str, game: pd.DataFrame, standing: Standing) -> Iterator[tuple[str, str]]:
    """Yield the title of each page of a game, which begins the name of its file, and its HTML."""
    labels = standing.board["defense_label"].tolist() if not standing.board.empty else []
    pages = {label: f"defense-{identity(label)[:8]}" for label in labels}
    yield "ranking", _ranking(standing.board, {label: f"{page}-{name}.html" for label, page in pages.items()})
    yield "matrix", _matrix(standing.cells, game)
    for label, page in pages.items():
        yield page, _defense(label, game, standing)


def _ranking(board: pd.DataFrame, pages: Mapping[str, str]) -> str:
    if board.empty:
        return "<p>No defense with comparable runs in this game yet.</p>"
    top = max(0.1, board["so_far_high"].max())
    heads = ["#", "Defense", "Status", "Played by", "Adaptive", *(title for title in ("Plain", "Queries", "Clean"))]
    rows = [
        [
            Cell(row["rank"]),
            Cell(row["defense_label"], pages[row["defense_label"]]),
            Cell(row["status"]),
            Cell(row["checked"]),
            Cell(_interval(row, "so_far"), bar=(row["so_far_low"] / top, row["so_far_high"] / top)),
            *(Cell(_interval(row, level)) for level in ("plain", "queries", "clean")),
            Cell(row["attack"]),
        ]
        for _, row in board.iterrows()
    ]
    return render_table([*heads, "Best attack"], rows) + (
        '<p class="muted">Protection: 1 is worth nothing to the trainer, 0 as much as clean data; intervals of 95 %. '
        f"Bars go from 0 to {top:.2f}.</p>"
    )


def _matrix(cells: pd.DataFrame, game: pd.DataFrame) -> str:
    if cells.empty:
        return "<p>No comparable runs in this game yet.</p>"
    labelled = label_attacks(cells, game)
    attacks = labelled["attack_text"].drop_duplicates().tolist()
    levels = dict(zip(labelled["attack_text"], labelled["level"], strict=True))
    table = labelled.pivot_table(index="attack_text", columns="defense_label", values="protection")
    defenses = order_defenses(cells)
    rows = [
        [Cell(HEADINGS[levels[attack]]), Cell(attack), *(Cell(_number(table.at[attack, name])) for name in defenses)]
        for attack in attacks
        if attack in table.index
    ]
    return render_table(["Level", "Attack", *defenses], rows)


def _defense(label: str, game: pd.DataFrame, standing: Standing) -> str:
    own = game[game["defense_label"] == label]
    levels = tabulate_levels(standing.board, own["defense"].iloc[0])
    met = [
        [Cell(row["level"]), Cell(_interval(row, "value"))] for _, row in levels.iterrows() if row["variant"] == label
    ]
    runs = [
        [Cell(row["attack_text"]), Cell(str(row["seed"])), Cell(_number(row["protection"])), Cell(row["command"])]
        for _, row in own.iterrows()
    ]
    heading = f"<h2>{html.escape(label)}</h2>"
    first = (
        render_table(["The trainer …", "Protection"], met)
        if met
        else f"<p>No whole level of {len(LEVELS)} was met.</p>"
    )
    return f"{heading}{first}<h2>Its runs</h2>{render_table(['Attack', 'Seed', 'Protection', 'Command'], runs)}"


def _describe(game: Game) -> str:
    return f"{game.dataset} · {game.victim} · {game.threat} box · ε {game.epsilon} · {game.words} words"


def _interval(row: pd.Series, name: str) -> str:
    low, high = (f"{name}_low", f"{name}_high") if name != "value" else ("low", "high")
    return "" if pd.isna(row[name]) else f"{row[name]:.2f} [{_number(row[low])}, {_number(row[high])}]"


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.2f}"
