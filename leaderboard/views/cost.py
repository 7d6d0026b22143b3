"""The page "Cost": a trainer's best gain on each release against the cost of the attacks tried."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables.ladders import tabulate_ladders
from leaderboard import widgets

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
    st.altair_chart(draw_stairs(steps), alt="The trainer's best gain on each release against the cost of the attacks")
    st.caption(
        "A trainer begins with plain LoRA fine-tuning and tries the other attacks from the cheapest to the dearest. "
        "After each attack they keep the adapter that is best on their own **validation** data; its gain over what "
        "they reach without the release is measured on the **test** split, so a curve may fall. Cost: seconds of the "
        "attacks over those of lora_sft, in the runs that are shown. **Protection left**: the best of all attacks so "
        "far, beside the best of the same attacks on clean data. The owner's time to answer queries is not counted."
    )
    titles = {name: title for name, (title, _) in COLUMNS.items()}
    looks = {title: look for title, look in COLUMNS.values() if look is not None}
    st.dataframe(steps[list(COLUMNS)].rename(columns=titles), hide_index=True, column_config=looks)


def draw_stairs(steps: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw one stair for each defense; the release without a defense is dashed."""
    base = alt.Chart(steps).encode(
        x=alt.X("total:Q", title="cost of all attacks so far, in trainings with lora_sft", scale=alt.Scale(type="log")),
        y=alt.Y("gain:Q", title="gain of the best so far, on the test split", axis=alt.Axis(format="%")),
        color=alt.Color("defense:N", title="defense"),
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
    return alt.layer(line, base.mark_point(filled=True, size=60)).properties(height=460)


st.title("Gain against cost")
show(widgets.choose_game(widgets.load_runs()))
