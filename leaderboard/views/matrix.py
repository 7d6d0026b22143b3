"""The page "Matrix": every defense against every attack in one game."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables import flags
from bench.tables.cells import compute_cells
from bench.tables.ranks import order_attacks, order_defenses
from bench.tables.runs import select_comparable
from leaderboard import widgets

COLORS = alt.Scale(domain=[-0.5, 0, 1], range=["#b3542b", "#f6f2ea", "#1f6f6b"], clamp=True)

CROWD = 12  # with more attacks than this, numbers are smaller (a docstring here would be shown on the page)


def show(frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page for the runs of one game; `runs` are those of all games."""
    cells = compute_cells(select_comparable(frame))
    if cells.empty:
        st.info("No comparable runs in this game yet.")
        return
    doubts = flags.flag_game(frame, runs)
    pairs = zip(cells["defense_label"], cells["attack_label"], strict=True)
    cells["flags"] = [flags.count_kinds(flags.select_flags(doubts, *pair)) for pair in pairs]
    st.altair_chart(draw_matrix(cells), alt="Protection of each defense against each attack")
    st.caption(
        "Protection beside the same attack on clean data: 1 is full protection, 0 none; negative means that the "
        "trainer did better with the release than with clean data. Framed: the attack with the highest accuracy on the "
        "trainer's validation split. "
        f"{flags.MARK}: there is something to know about the number; it is explained below."
    )
    widgets.show_flags(doubts)


def draw_matrix(cells: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw a heat map with numbers and flags: the best defense on top, the strongest attack on the left."""
    defenses, attacks = order_defenses(cells), order_attacks(cells)
    angle = 0 if len(attacks) < 7 else -30
    top = alt.Axis(orient="top", labelAngle=angle, labelLimit=240, labelOverlap=False, labelFontSize=13)
    side = alt.Axis(labelLimit=320, labelOverlap=False, labelFontSize=13)
    shown = cells.drop(columns="evaluations").assign(
        number=cells["protection"].map("{:.2f}".format),
        mark=cells["flags"].map(lambda kinds: flags.MARK if kinds else ""),
    )
    x = alt.X("attack_label:N", sort=attacks, title=None, axis=top)
    y = alt.Y("defense_label:N", sort=defenses, title=None, axis=side)
    base = alt.Chart(shown).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("defense_label:N", title="defense"),
            alt.Tooltip("attack_label:N", title="attack"),
            alt.Tooltip("protection:Q", format=".3f"),
            alt.Tooltip("validation:Q", title="validation accuracy", format=".1%"),
            alt.Tooltip("utility:Q", title="test accuracy", format=".1%"),
            alt.Tooltip("utility_clean:Q", title="same attack, clean data", format=".1%"),
            alt.Tooltip("seeds:Q"),
            alt.Tooltip("flags:N"),
        ],
    )
    tile = base.mark_rect(cornerRadius=4, stroke="white", strokeWidth=3).encode(
        color=alt.Color("protection:Q", scale=COLORS, title="protection")
    )
    frame = base.transform_filter("datum.worst").mark_rect(
        cornerRadius=4, filled=False, stroke="#22302f", strokeWidth=2
    )
    dark = "datum.protection > 0.6 || datum.protection < -0.35"
    ink = alt.condition(dark, alt.value("white"), alt.value("#22302f"))
    text = base.mark_text(fontSize=14 if len(attacks) <= CROWD else 11).encode(text="number:N", color=ink)
    corner = {"x": x.copy().bandPosition(0.92), "y": y.copy().bandPosition(0.22)}
    flag = base.mark_text(fontSize=9, align="right").encode(text="mark:N", color=ink, **corner)
    return alt.layer(tile, frame, text, flag).properties(height=56 * len(defenses) + 60)


st.title("Defense against attack")
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
