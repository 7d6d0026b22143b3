"""The source of the runs that are shown: this machine, or the published results that come with the suite."""

from typing import Any

import pandas as pd
import streamlit as st

from bench.errors import UserError
from bench.paths import home
from bench.results import published
from bench.tables.runs import load_published_runs, load_runs, tabulate_runs

FRESH = 10
"""Seconds until results are read again."""

OWN, PUBLISHED = "own", "published"
TITLES = {OWN: "Runs of this machine", PUBLISHED: "Published results"}


@st.cache_data(ttl=FRESH, show_spinner=False)
def _load_own(folder: str) -> pd.DataFrame:
    """Return the runs of this machine; `folder` is the key of the cache."""
    return load_runs()


@st.cache_data(ttl=FRESH, show_spinner="Reading the published results")
def _load_published(folder: str, version: int) -> tuple[pd.DataFrame, dict[str, Any], str]:
    """Return the published runs, their provenance, and why they cannot be read, or "".

    `folder` and `version` are the key of the cache.
    """
    try:
        return load_published_runs(), published.read_provenance() or {}, ""
    except UserError as error:
        return tabulate_runs([]), {}, str(error)


def select_runs() -> pd.DataFrame:
    """Return the runs of the source that is chosen in the sidebar, where there are two; at first this machine's own.

    The address of a run opens the source that has it. Damaged published results give a warning and count as none.
    """
    shipped, provenance, damage = _load_published(str(published.FOLDER), published.cache_key()[1])
    sources = {OWN: _load_own(str(home())), PUBLISHED: shipped}
    if damage:
        st.sidebar.warning(damage, icon=":material/broken_image:")
    names = [name for name, frame in sources.items() if not frame.empty]
    if not names:
        return sources[OWN]
    run = st.query_params.get("run")
    first = next((name for name in names if run in set(sources[name]["id"])), names[0])
    choice = names[0]
    if len(names) > 1:
        index = names.index(first)
        choice = (
            st.sidebar.radio("Results", names, index, TITLES.__getitem__, key="results", bind="query-params") or first
        )
    if choice == PUBLISHED:
        _show_provenance(provenance)
    return sources[choice]


def _show_provenance(provenance: dict[str, Any]) -> None:
    """Show what is published, and which runs of its suites are not played."""
    lines, missing = [f"{provenance['runs']} runs, published on {provenance['created'][:10]}"], []
    for name, suite in provenance["suites"].items():
        missing += suite["not_played"].values()
        lines.append(f"suite {name}: {suite['planned'] - len(suite['not_played'])} of {suite['planned']} played")
    st.sidebar.text("\n".join(lines))
    if missing:
        with st.sidebar.expander(f"Not played: {len(missing)} runs"):
            st.code("\n".join(missing), language="bash", height=300)
