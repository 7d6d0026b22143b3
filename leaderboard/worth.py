"""The worth of clean data to each victim, as pages about victims and data sets show it."""

import pandas as pd
import streamlit as st

from leaderboard import downloads, widgets

TITLES = {
    "dataset": "Data set", "victim": "Victim", "zero": "Before training", "baseline": "Without the content",
    "clean": "Clean data", "gain": "Gain",
}  # fmt: skip


def show(table: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the table of `bench.tables.catalogs.tabulate_worth`; nothing where no run is at hand."""
    if table.empty:
        return
    st.subheader("What clean data are worth")
    shown = table.rename(columns=TITLES)
    looks = dict.fromkeys(list(TITLES.values())[2:], widgets.SHARE)
    st.dataframe(shown, hide_index=True, column_config=looks)
    st.caption(
        "Test accuracies of the plain attack. **Without the content**: the best that is reached without what the "
        "release says. **Gain**: what a defense can destroy."
    )
    downloads.offer(shown, "clean-worth", runs)
