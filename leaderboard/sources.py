"""The source of the runs that are shown: this machine, or the published results that come with the suite."""

import gc
import os
import sys
from contextlib import suppress
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from bench.errors import UserError
from bench.paths import home
from bench.results import published
from bench.results.database import read_state
from bench.results.own import is_open
from bench.tables.runs import load_published_runs, load_runs, tabulate_runs
from leaderboard import games, latest
from leaderboard.addresses import tell_unknown_value
from leaderboard.once import once
from leaderboard.plain import quote_plain

OWN, PUBLISHED = "own", "published"
TITLES = {OWN: "Runs of this machine", PUBLISHED: "Published results"}

SHOW_OWN = "BENCH_LEADERBOARD_OWN"
"""Environment variable: names of own data that are shown, separated by commas. `bench leaderboard --own` sets it."""

UNREADABLE = (UserError, SQLAlchemyError, ValueError, OSError)
"""Errors of results that cannot be read."""

BROKEN = "The results of this machine cannot be read. The terminal that serves this page says why."


# Tables are shared by all visitors: a page never changes one, it makes another.
class Published(NamedTuple):
    """The published runs, their provenance, and what of them is left out because it is wrong."""

    runs: pd.DataFrame
    provenance: dict[str, Any]
    faults: list[str]


def _read_published() -> Published:
    folder = str(published.FOLDER)
    return latest.read(f"published {folder}", published.cache_key(), _load_published)


def _load_published() -> Published:
    try:
        return Published(load_published_runs(), published.read_provenance() or {}, published.load_faults())
    except UserError as error:
        return Published(tabulate_runs([]), {}, [str(error)])


def select_runs() -> pd.DataFrame:
    """Return the runs of the source that is chosen in the sidebar, where there are two; at first this machine's own.

    The address of a run opens the source that has it. Damaged published results give a warning and count as none.
    """
    with st.spinner("Reading results"):
        shipped, provenance, faults = _read_published()
        own = _load_own_or_stop()
    sources = {OWN: _hide_own_data(own), PUBLISHED: _hide_own_data(shipped)}
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


def prepare() -> None:
    """Read all results and compute what the first pages show, before somebody comes. Pages tell what cannot be read."""
    with suppress(*UNREADABLE):
        named = os.environ.get(SHOW_OWN, "")
        for runs in (_read_own(), _read_published().runs):
            shown = _select_open(runs, named)
            shown = runs if shown is None else shown
            if not shown.empty:
                games.get_entries(games.find_first(shown), shown)
                _spare_collector()
                return


def _load_own_or_stop() -> pd.DataFrame:
    """Return the runs of this machine. Where they cannot be read, say so and end the page; the reason is logged."""
    try:
        return _read_own()
    except UNREADABLE as error:
        sys.stderr.write(f"{error}\n")
        st.error(BROKEN)
        st.stop()


def _read_own() -> pd.DataFrame:
    return latest.read(str(home()), read_state(), _load_own)


def _load_own() -> pd.DataFrame:
    """Return the runs of this machine with the standing of the first game: visitors see older ones until then."""
    runs = load_runs()
    shown = _select_open(runs, os.environ.get(SHOW_OWN, ""))
    shown = runs if shown is None else shown
    if not shown.empty:
        games.get_standing(games.find_first(shown), shown)
    _spare_collector()
    return runs


def _spare_collector() -> None:
    """Take what was read out of garbage collection, which Streamlit does after every page: half a second each time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@once
def _select_open(frame: pd.DataFrame, named: str) -> pd.DataFrame | None:
    """Return the runs without those on own data, but for data that are `named`; None where all may be shown."""
    names = named.split(",")
    by_dataset = {name: is_open(name, None, names) for name in frame["dataset"].unique()}
    is_shown = frame["dataset"].map(by_dataset).astype(bool)
    effects = frame["effects"].dropna()  # few runs have any
    is_shown[effects.index] &= pd.Series([is_open("", entry, names) for entry in effects], effects.index, dtype=bool)
    return None if is_shown.all() else frame[is_shown]


def _hide_own_data(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs without those on own data that are not to be shown, and say how many these are."""
    shown = _select_open(frame, os.environ.get(SHOW_OWN, ""))
    if shown is None:
        return frame
    hidden = len(frame) - len(shown)
    st.sidebar.caption(f"Hidden: {hidden} runs on own data. `bench leaderboard --own NAME` shows them.")
    return shown


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
