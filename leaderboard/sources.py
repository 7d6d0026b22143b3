"""Where the runs that are shown come from: this machine, or the published results that come with the suite."""

from typing import Any

import pandas as pd
import streamlit as st

from bench.errors import UserError
from bench.paths import home
from bench.results import published
from bench.tables import data

FRESH = 10
"""Seconds for which results are not read again."""

OWN, PUBLISHED = "own", "published"
TITLES = {OWN: "Runs of this machine", PUBLISHED: "Published results"}


@st.cache_data(ttl=FRESH, show_spinner=False)
def _own(place: str) -> pd.DataFrame:
    return data.runs()


@st.cache_data(ttl=FRESH, show_spinner="Reading the published results")
def _published(folder: str, stamp: int) -> tuple[pd.DataFrame, dict[str, Any], str]:
    """Runs, their provenance, and why they cannot be read, or ""."""
    try:
        return data.runs(published.runs()), published.about() or {}, ""
    except UserError as error:
        return data.runs([]), {}, str(error)


def runs() -> pd.DataFrame:
    """The runs of the source that is chosen in the sidebar, where there are two; at first this machine's own.

    A run's address opens the source that has it. Published results that are damaged are told, and stand for none.
    """
    shipped, told, damage = _published(str(published.FOLDER), published.stamp()[1])
    found = {OWN: _own(str(home())), PUBLISHED: shipped}
    if damage:
        st.sidebar.warning(damage, icon=":material/broken_image:")
    names = [name for name, frame in found.items() if not frame.empty]
    if not names:
        return found[OWN]
    wanted = st.query_params.get("run")
    first = next((name for name in names if wanted in set(found[name]["id"])), names[0])
    chosen = names[0]
    if len(names) > 1:
        place = names.index(first)
        chosen = (
            st.sidebar.radio("Results", names, place, TITLES.__getitem__, key="results", bind="query-params") or first
        )
    if chosen == PUBLISHED:
        _about(told)
    return found[chosen]


def _about(told: dict[str, Any]) -> None:
    """What is published, and what of its suites is not."""
    lines, absent = [f"{told['runs']} runs, published on {told['created'][:10]}"], []
    for name, entry in told["suites"].items():
        absent += entry["not_played"].values()
        lines.append(f"suite {name}: {entry['planned'] - len(entry['not_played'])} of {entry['planned']} played")
    st.sidebar.text("\n".join(lines))
    if absent:
        with st.sidebar.expander(f"Not played: {len(absent)} runs"):
            st.code("\n".join(absent), language="bash", height=300)
