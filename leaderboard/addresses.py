"""Names in the address of a page, `?victim=tiny-gemma3`. One that is not among the results is told, never ignored."""

from collections.abc import Collection

import streamlit as st

from bench.tables.game import GAME_COLUMNS
from leaderboard.plain import quote_plain

KEYS = [*GAME_COLUMNS, "run", "results"]


def tell_unknown_keys() -> None:
    """Tell the keys of the address that no page reads."""
    unknown = [key for key in st.query_params if key not in KEYS]
    if unknown:
        names = ", ".join(map(quote_plain, unknown[:5]))
        st.warning(f"This address names {names}, which no page reads; known: {', '.join(KEYS)}.")


def tell_unknown_value(key: str, options: Collection[object]) -> None:
    """Tell a value of the address that is not among the options, and a key that is there twice."""
    values = st.query_params.get_all(key)
    if len(values) > 1:
        st.warning(f"This address names {key} {len(values)} times; allowed: once. Another choice is shown.")
    elif values and values[0] not in map(str, options):
        st.warning(
            f"This address names the {key} {quote_plain(values[0])}, which is not among these results. "
            "Another one is shown."
        )
