"""Names in the address of a page, `?victim=tiny-gemma3`. One that is not among the results is told, never ignored."""

from collections.abc import Collection
from datetime import date

import streamlit as st

from bench.tables.game import GAME_COLUMNS
from leaderboard.plain import quote_plain

KEYS = [*GAME_COLUMNS, "family", "run", "results", "name", "with", "by", "find", "metric", "others", "from", "until"]
KEYS += ["columns", "broken", "class", "level", "show"]
"""The things that an address may name: a game, a run, the source of results, a method, and how a page shows them."""


def tell_unknown_keys() -> None:
    """Tell the keys of the address that no page reads."""
    unknown = [key for key in st.query_params if key not in KEYS]
    if unknown:
        names = ", ".join(map(quote_plain, unknown[:5]))
        st.warning(f"This address names {names}, which no page reads; known: {', '.join(KEYS)}.")


def tell_unknown_value(key: str, options: Collection[object], *, several: bool = False) -> None:
    """Tell a value of the address that is not among the options, and a key that is there twice unless `several` may."""
    values = st.query_params.get_all(key)
    if len(values) > 1 and not several:
        st.warning(f"This address names {key} {len(values)} times; allowed: once. Another choice is shown.")
        return
    known = set(map(str, options))
    for value in values[:5]:
        if value not in known:
            st.warning(
                f"This address names the {key} {quote_plain(value)}, which is not among these results. "
                "Another one is shown."
            )


def tell_no_date(key: str) -> None:
    """Tell a value of the address that is no date."""
    value = st.query_params.get(key)
    if value is None:
        return
    try:
        date.fromisoformat(value)
    except ValueError:
        st.warning(f"This address names the {key} {quote_plain(value)}, which is no date; allowed: 2026-01-31.")
