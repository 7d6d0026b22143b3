"""The source of the runs that are shown: this machine, or the published results that come with the suite."""

import os
import sys
from typing import Any

import pandas as pd
import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from bench.errors import UserError
from bench.paths import home
from bench.results import published
from bench.results.database import read_state
from bench.results.own import is_open
from bench.tables.runs import load_published_runs, load_runs, tabulate_runs
from leaderboard import latest
from leaderboard.addresses import tell_unknown_value
from leaderboard.plain import quote_plain

OWN, PUBLISHED = "own", "published"
TITLES = {OWN: "Runs of this machine", PUBLISHED: "Published results"}

SHOW_OWN = "BENCH_LEADERBOARD_OWN"
"""Environment variable: names of own data that are shown, separated by commas. `bench leaderboard --own` sets it."""

BROKEN = "The results of this machine cannot be read. The terminal that serves this page says why."


# Tables in the caches are shared by all visitors: a page never changes one, it makes another.
@st.cache_resource(max_entries=4, show_spinner="Reading the published results")
def _load_published(folder: str, version: int) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Return the published runs, their provenance, and what of them is left out because it is wrong.

    `folder` and `version` are the key of the cache.
    """
    try:
        return load_published_runs(), published.read_provenance() or {}, published.load_faults()
    except UserError as error:
        return tabulate_runs([]), {}, [str(error)]


def select_runs() -> pd.DataFrame:
    """Return the runs of the source that is chosen in the sidebar, where there are two; at first this machine's own.

    The address of a run opens the source that has it. Damaged published results give a warning and count as none.
    """
    shipped, provenance, faults = _load_published(str(published.FOLDER), published.cache_key()[1])
    sources = {OWN: _hide_own_data(_load_own_or_stop()), PUBLISHED: _hide_own_data(shipped)}
    if faults:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        st.sidebar.warning(quote_plain(faults[0], 300) + more, icon=":material/broken_image:")
    names = [name for name, frame in sources.items() if not frame.empty]
    if not names:
        return sources[OWN]
    run = st.query_params.get("run")
    first = next((name for name in names if run and (sources[name]["id"] == run).any()), names[0])
    choice = names[0]
    if len(names) > 1:
        index = names.index(first)
        tell_unknown_value("results", names)
        choice = (
            st.sidebar.radio("Results", names, index, TITLES.__getitem__, key="results", bind="query-params") or first
        )
    if choice == PUBLISHED:
        _show_provenance(provenance)
    return sources[choice]


def _load_own_or_stop() -> pd.DataFrame:
    """Return the runs of this machine. Where they cannot be read, say so and end the page; the reason is logged."""
    try:
        return latest.read(str(home()), read_state(), load_runs)
    except (UserError, SQLAlchemyError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        st.error(BROKEN)
        st.stop()


def _hide_own_data(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs without those on own data that are not to be shown, and say how many these are."""
    named = os.environ.get(SHOW_OWN, "").split(",")
    by_dataset = {name: is_open(name, None, named) for name in frame["dataset"].unique()}
    is_shown = frame["dataset"].map(by_dataset).astype(bool)
    effects = frame["effects"].dropna()  # few runs have any
    is_shown[effects.index] &= pd.Series([is_open("", entry, named) for entry in effects], effects.index, dtype=bool)
    if hidden := len(frame) - int(is_shown.sum()):
        st.sidebar.caption(f"Hidden: {hidden} runs on own data. `bench leaderboard --own NAME` shows them.")
        return frame[is_shown]
    return frame


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
