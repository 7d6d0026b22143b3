"""Parts of the pages about one method: its choice, its facts, its bars and its runs."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from leaderboard import widgets
from leaderboard.addresses import tell_unknown_value
from leaderboard.charts import LEGEND, PALETTE, draw_curves, measure_legend
from leaderboard.plain import escape_markdown, quote_plain

ROW, LINE, AXIS, SHOWN = 34, 14, 70, 1000  # heights in pixels; rows of a list of runs

CELLS = {
    "protection": ("Protection", widgets.SCORE),
    "low": ("Low", widgets.SCORE),
    "high": ("High", widgets.SCORE),
    "validation": ("Validation", widgets.SHARE),
    "utility": ("Test", widgets.SHARE),
    "utility_clean": ("Test, clean data", widgets.SHARE),
    "seeds": ("Seeds", None),
    "link": ("Run", widgets.OPEN),
}
RUNS = {
    "id": ("Run", None),
    "defense_label": ("Defense", None),
    "attack_text": ("Attack", None),
    "seed": ("Seed", None),
    "protection": ("Protection", widgets.SCORE),
    "validation": ("Validation", widgets.SHARE),
    "utility": ("Test", widgets.SHARE),
    "reason": ("Not comparable", None),
    "link": ("Page", widgets.OPEN),
}


NEIGHBOURS = [
    ("epsilon", "by pixel budget ε", ("epsilon",)),
    ("victim", "by victim", ("victim", "surrogates")),
]
"""Other games beside the one that is shown: a column, its title, and the columns in which they may differ."""

DRAWN = 7  # curves or variants in one chart


def choose(kind: str, names: Iterable[str]) -> str:
    """Return the method of `?name=`, or the one that is picked; at first the first. `kind`: defense or attack."""
    options = list(dict.fromkeys(names))
    tell_unknown_value("name", options)
    return st.selectbox(kind.capitalize(), options, key="name", bind="query-params") or options[0]


def count(runs: pd.DataFrame, defense: str) -> str:
    """Return how many runs a defense has, in words."""
    return f"{int((runs['defense'] == defense).sum()):,} runs"


def show_facts(summary: str, card: Mapping[str, str], options: Mapping[str, Any]) -> None:
    """Show summary, card and options as plain text."""
    if summary:
        st.text(summary)
    facts, defaults = st.columns([2, 1])
    with facts:
        rows = [(field.replace("_", " "), text) for field, text in card.items()]
        if rows:
            st.table(pd.DataFrame(rows, columns=["card", ""]).map(escape_markdown).set_index("card"))
    if options:
        values = pd.DataFrame([(name, str(value)) for name, value in options.items()], columns=["option", "default"])
        defaults.dataframe(values, hide_index=True, height="content")


def draw_bars(table: pd.DataFrame, group: str, variant: str) -> alt.LayerChart | alt.FacetChart:
    """Draw `value` with its interval by the column `group`, in the table's order; a colour for each `variant`."""
    y = alt.Y(f"{group}:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, labelFontSize=13, labelFlush=False))
    span = [min(0, table["low"].min()), max(0.1, table["high"].max())]
    x = alt.X("low:Q", title="protection", scale=alt.Scale(domain=span, nice=True), axis=alt.Axis(tickCount=6))
    tips = [alt.Tooltip(f"{group}:N"), *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high"))]
    base = alt.Chart(table[[name for name in (group, variant, "value", "low", "high") if name]])
    base = base.encode(y=y, tooltip=tips, color=alt.value(PALETTE[0]))
    height, variants = ROW * table[group].nunique() + AXIS, table[variant].nunique() if variant else 1
    if variants > 1:
        height = max(ROW, LINE * variants) * table[group].nunique() + AXIS + measure_legend(variants)
        color = alt.Color(f"{variant}:N", scale=alt.Scale(range=PALETTE), legend=LEGEND)
        base = base.encode(yOffset=f"{variant}:N", color=color)
    line = base.mark_rule(strokeWidth=3, opacity=0.6).encode(x=x, x2="high:Q")
    point = base.mark_point(filled=True, size=90, opacity=1).encode(x="value:Q")
    zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(strokeDash=[4, 4], color="#8a8a8a").encode(x="value:Q")
    return alt.layer(zero, line, point).properties(height=height)


def show_games(table: pd.DataFrame, column: str, title: str) -> None:
    """Show protection by a column of the game, as a curve or as bars; nothing where there is one game alone."""
    first = table["variant"].drop_duplicates()[:DRAWN]
    table = table[table["variant"].isin(first)]
    if table[column].nunique() < 2:
        return
    st.subheader(title)
    if column == "epsilon":
        chart = draw_curves(table.rename(columns={column: "at", "variant": "series"}), widgets.TITLES[column])
    else:
        chart = draw_bars(table, column, "variant")
    st.altair_chart(chart, alt=title)


def show_curves(points: pd.DataFrame) -> None:
    """Show protection along each option of `bench.tables.curves`; nothing where there is none."""
    for option, curves in points.groupby("option"):
        title = f"Protection by {quote_plain(option)}"
        first = curves["series"].drop_duplicates()[:DRAWN]
        st.subheader(title)
        st.altair_chart(draw_curves(curves[curves["series"].isin(first)], str(option)), alt=title)


def show_runs(runs: pd.DataFrame) -> None:
    """Show a list of runs, the newest first, each with the address of its page."""
    st.subheader("Its runs")
    newest = runs[::-1][:SHOWN]
    widgets.show_table(newest.assign(link=widgets.link_runs(newest["id"])), RUNS)
    more = f"The newest {SHOWN} of " if len(runs) > SHOWN else ""
    st.caption(f"{more}{len(runs):,} runs")
