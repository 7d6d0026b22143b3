"""The page "Cost": a trainer's best gain on each release against the cost of the attacks tried."""

import pandas as pd
import streamlit as st

from leaderboard import downloads, games, widgets
from leaderboard.addresses import tell_unknown_value
from leaderboard.charts import PALETTE, draw_stairs

DRAWN = 5  # lines at first (a docstring here would be shown on the page)

COLUMNS = {
    "defense": ("Defense", st.column_config.TextColumn(pinned=True)),
    "attack": ("Next attack", None),
    "cost": ("Its cost", st.column_config.NumberColumn(format="%.1f ×")),
    "total": ("All so far", st.column_config.NumberColumn(format="%.1f ×")),
    "best": ("Best so far", None),
    "gain": ("Its gain", widgets.SHARE),
    "protection": ("Protection left", widgets.SCORE),
}


def show(frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page for the runs of one game; `runs` are those of all games."""
    names = games.name_climbed(frame, runs)
    if not names:
        st.info("No defense of this game has met lora_sft yet, by which costs are counted.")
        return
    tell_unknown_value("with", names, several=True)
    chosen = st.multiselect(
        "Defenses", names, choose_lines(names), key="with", bind="query-params", max_selections=len(PALETTE)
    )
    if not chosen:
        st.info("Choose a defense or more.")
        return
    steps = pd.concat([games.get_ladder(frame, name) for name in chosen])
    chart = draw_stairs(steps)
    st.altair_chart(chart, alt="The trainer's best gain on each release against the cost of the attacks")
    st.caption(
        "A trainer begins with plain LoRA fine-tuning and tries the other attacks from the cheapest to the dearest. "
        "After each attack they keep the adapter that is best on their own **validation** data; its gain over what "
        "they reach without the release is measured on the **test** split, so a curve may fall. Cost: seconds of the "
        "attacks over those of lora_sft, in the runs that are shown. **Protection left**: the best of all attacks so "
        "far, beside the best of the same attacks on clean data. The owner's time to answer queries is not counted."
    )
    widgets.show_table(steps, COLUMNS)
    downloads.offer(steps, "cost", frame, lambda: chart)


def choose_lines(names: list[str]) -> list[str]:
    """Return the defenses that are drawn at first: the release without one, mmguard, and the first of the board."""
    return sorted(names, key=lambda name: (name != "none", name != "mmguard"))[:DRAWN]


st.title("Gain against cost")
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
