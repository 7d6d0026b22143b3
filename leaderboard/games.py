"""The standings of games, computed once for all visitors, and for the first of them before they come."""

import pandas as pd
import streamlit as st

from bench.tables.standings import Standing, load_standing, name_standing


def get_standing(game: pd.DataFrame, runs: pd.DataFrame) -> Standing:
    """Return what `load_standing` does, kept in memory."""
    return _load(name_standing(game, runs), game, runs)


@st.cache_resource(max_entries=200, show_spinner="Comparing all runs of this game")
def _load(name: str, _game: pd.DataFrame, _runs: pd.DataFrame) -> Standing:
    return load_standing(_game, _runs)
