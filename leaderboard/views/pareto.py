"""The page "Pareto": protection against what it costs, and the defenses that no other beats in both."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables.fronts import mark_front
from leaderboard import downloads, games, widgets

NAMED = 6  # up to so many points all have names; of more, those on the front (a docstring would be shown on the page)

MEASURES = {
    "stealth_psnr": ("PSNR in dB (more: less visible)", True),
    "stealth_ssim": ("SSIM (more: less visible)", True),
    "stealth_words": ("inserted words", False),
    "seconds_protect": ("the owner's seconds", False),
    "seconds_attack": ("the trainer's seconds, for the best attack", True),
}
COLUMNS = {
    "defense_label": ("Defense", None),
    "front": ("On the front", None),
    "so_far": ("Protection", widgets.SCORE),
    "stealth_psnr": ("PSNR (dB)", st.column_config.NumberColumn(format="%.1f")),
    "stealth_ssim": ("SSIM", st.column_config.NumberColumn(format="%.3f")),
    "stealth_words": ("Words", st.column_config.NumberColumn(format="%d")),
    "seconds_protect": ("Protect (s)", st.column_config.NumberColumn(format="%.0f")),
    "seconds_attack": ("Best attack (s)", st.column_config.NumberColumn(format="%.0f")),
    "status": ("Status", None),
}


def show(game: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page for the runs of one game; `runs` are those of all games."""
    board, cells, _ = games.get_standing(game, runs)
    if not board.empty:
        costs = cells[["defense_label", "attack_label", "seconds_attack"]]
        board = board.merge(costs, "left", ["defense_label", "attack_label"])
    titles = {name: title for name, (title, _) in MEASURES.items()}
    measure = widgets.choose_title(st.container(), "Against", titles, "by")
    title, is_benefit = MEASURES[measure]
    points = board.dropna(subset=["so_far", measure]) if not board.empty else board
    if points.empty:
        st.info("No defense of this game has both numbers yet.")
        return
    front = mark_front(points[points["rank"] != ""], measure, is_benefit=is_benefit)
    points = points.assign(front=front.reindex(points.index, fill_value=False))
    chart = draw_front(points, measure, title)
    st.altair_chart(chart, alt="Protection of each defense against a cost; the table has the same numbers")
    st.caption(
        "Protection is against trainers who may know the method, as far as they were met. Joined: no other ranked "
        "defense is at least as good in both and better in one. What has no rank is gray and beats nobody. Point at a "
        "defense to see its name and its interval. What a trainer pays attack by attack is on the page Cost."
    )
    widgets.show_table(points, COLUMNS)
    downloads.offer(points.drop(columns="evaluations"), "pareto", game, lambda: chart)


def draw_front(points: pd.DataFrame, measure: str, title: str) -> alt.LayerChart | alt.FacetChart:
    """Draw a point for each defense, and a line through the front; the one under the pointer stands out."""
    over = alt.selection_point(
        fields=["defense_label"], on="pointerover", clear="pointerout", empty=False, nearest=True
    )
    base = alt.Chart(points.drop(columns="evaluations")).encode(
        x=alt.X(
            f"{measure}:Q", title=title, axis=alt.Axis(tickCount=6), scale=alt.Scale(zero=False, nice=True, padding=60)
        ),
        tooltip=[
            alt.Tooltip("defense_label:N", title="defense"),
            alt.Tooltip("so_far:Q", title="protection", format=".3f"),
            alt.Tooltip(f"{measure}:Q", format=".3g", title=title),
            alt.Tooltip("status:N"),
        ],
    )
    y = alt.Y("so_far_low:Q", title="protection", axis=alt.Axis(tickCount=8))
    color = alt.condition("datum.front", alt.value("#1f8a84"), alt.value("#8a8a8a"))
    wide = alt.condition(over, alt.value(4), alt.value(1))
    interval = base.mark_rule(opacity=0.5).encode(y=y, y2="so_far_high:Q", color=color, size=wide)
    line = base.transform_filter("datum.front").mark_line(color="#1f8a84", strokeDash=[4, 4]).encode(y="so_far:Q")
    large = alt.condition(over, alt.value(220), alt.value(110))
    point = base.mark_point(filled=True, opacity=1).encode(y="so_far:Q", color=color, size=large).add_params(over)
    is_named = "true" if len(points) <= NAMED else "datum.front"
    shown = {"condition": {"test": {"or": [is_named, {"param": over.name, "empty": False}]}, "value": 1}, "value": 0}
    name = base.mark_text(align="left", dx=9, dy=-9, fontSize=12, limit=150)
    name = name.encode(y="so_far:Q", text="defense_label:N", color=color, opacity=shown)
    return alt.layer(interval, line, point, name).properties(height=440)


st.title("Protection against what it costs")
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
