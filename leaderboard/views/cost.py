"""The page "Cost": a trainer's best gain on each release against the cost of the attacks tried."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables.ladders import tabulate_ladders
from leaderboard import downloads, widgets
from leaderboard.addresses import tell_unknown_value
from leaderboard.charts import PALETTE

KEY = alt.Legend(orient="top", title=None)

DRAWN = 5  # lines at first (a docstring here would be shown on the page)

COLUMNS = {
    "defense": ("Defense", st.column_config.TextColumn(pinned=True)),
    "attack": ("Next attack", None),
    "cost": ("Its cost", st.column_config.NumberColumn(format="%.1f x")),
    "total": ("All so far", st.column_config.NumberColumn(format="%.1f x")),
    "best": ("Best so far", None),
    "gain": ("Its gain", widgets.SHARE),
    "protection": ("Protection left", widgets.SCORE),
}


def show(frame: pd.DataFrame) -> None:
    """Show the page for the runs of one game."""
    steps = tabulate_ladders(frame)
    if steps.empty:
        st.info("No defense of this game has met lora_sft yet, by which costs are counted.")
        return
    names = steps["defense"].drop_duplicates().tolist()
    tell_unknown_value("with", names, several=True)
    chosen = st.multiselect(
        "Defenses", names, choose_lines(names), key="with", bind="query-params", max_selections=len(PALETTE)
    )
    steps = steps[steps["defense"].isin(chosen)]
    if steps.empty:
        st.info("Choose a defense or more.")
        return
    st.altair_chart(draw_stairs(steps), alt="The trainer's best gain on each release against the cost of the attacks")
    st.caption(
        "A trainer begins with plain LoRA fine-tuning and tries the other attacks from the cheapest to the dearest. "
        "After each attack they keep the adapter that is best on their own **validation** data; its gain over what "
        "they reach without the release is measured on the **test** split, so a curve may fall. Cost: seconds of the "
        "attacks over those of lora_sft, in the runs that are shown. **Protection left**: the best of all attacks so "
        "far, beside the best of the same attacks on clean data. The owner's time to answer queries is not counted."
    )
    widgets.show_table(steps, COLUMNS)
    downloads.offer(steps, "cost", frame)


def choose_lines(names: list[str]) -> list[str]:
    """Return the defenses that are drawn at first: the release without one, mmguard, and the first others."""
    return sorted(names, key=lambda name: (name != "none", name != "mmguard"))[:DRAWN]


def draw_stairs(steps: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw one stair for each defense, with its name at the start; the release without a defense is dashed."""
    order = steps["defense"].drop_duplicates().tolist()
    base = alt.Chart(steps).encode(
        x=alt.X("total:Q", title="cost of all attacks so far, in trainings with lora_sft", scale=alt.Scale(type="log")),
        y=alt.Y("gain:Q", title="gain of the best so far, on the test split", axis=alt.Axis(format="%")),
        color=alt.Color(
            "defense:N", sort=order, scale=alt.Scale(domain=order, range=PALETTE[: len(order)]), legend=KEY
        ),
        tooltip=[
            alt.Tooltip("defense:N"),
            alt.Tooltip("attack:N", title="next attack"),
            alt.Tooltip("total:Q", title="cost so far", format=".1f"),
            alt.Tooltip("best:N", title="best so far"),
            alt.Tooltip("gain:Q", format=".1%"),
            alt.Tooltip("protection:Q", format=".3f"),
        ],
    )
    dash = alt.condition("datum.defense == 'none'", alt.value([5, 4]), alt.value([1, 0]))
    line = base.mark_line(interpolate="step-after").encode(strokeDash=dash)
    starts = alt.Chart(steps.drop_duplicates("defense")).encode(
        x="total:Q", y="gain:Q", color=alt.Color("defense:N"), text="defense:N"
    )
    names = starts.mark_text(align="left", dx=6, dy=-9, fontSize=12, limit=150)
    return alt.layer(line, base.mark_point(filled=True, size=60), names).properties(height=460)


st.title("Gain against cost")
show(widgets.choose_game(widgets.load_runs()))
