"""Parts that the pages share: the runs, the choice of a game or of a run, and how numbers look."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bench.scoring.flag import Flag
from bench.spec import PROTOCOL
from bench.tables.flags import tabulate_flags
from bench.tables.game import GAME_COLUMNS
from leaderboard import games, sources
from leaderboard.addresses import tell_no_date, tell_unknown_value

TITLES = {
    "dataset": "Data set",
    "victim": "Victim",
    "threat": "Threat model",
    "surrogates": "Owner's surrogates",
    "epsilon": "Pixel budget ε (levels of 255)",
    "words": "Word budget",
}
SHARE = st.column_config.NumberColumn(format="percent", width="small")
SENTENCE = 500, 76  # width and height in pixels of a sentence that wraps
SCORE = st.column_config.NumberColumn(format="%.2f")

OFFERED = 500
"""Runs in the list of a page about one run."""

OPEN = st.column_config.LinkColumn(display_text="open")

NOT_HERE = "not on this machine: results from elsewhere have no pictures or adapters. The run's command makes them."


def load_runs() -> pd.DataFrame:
    """Return the runs of the chosen source; where there are none at all, say how to make one and end the page."""
    frame = sources.select_runs()
    if frame.empty:
        st.info("No results yet. Play a first game, then reload this page:", icon=":material/sports_esports:")
        st.code("bench run --defense mmguard --attack lora_sft", language="bash")
        st.stop()
    return frame


def choose_game(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the game that is chosen in the sidebar; at first the one with the most runs."""
    every = games.split(frame)
    table = every.table
    for column in GAME_COLUMNS:
        if column == "victim":
            table = _choose_family(table)
        options = games.order_options(table, column)
        tell_unknown_value(column, options)
        choice = st.sidebar.selectbox(TITLES[column], options, key=column, bind="query-params")
        table = table[table[column] == choice]
    st.sidebar.caption(f"Protocol {PROTOCOL}. Defenses are compared only within one such game.")
    return every.runs[int(table.index[0])]


def _choose_family(table: pd.DataFrame) -> pd.DataFrame:
    """Return the games of the victims of one family, where there are several and one is chosen."""
    options = sorted(set(table["family"]))
    if len(options) < 2:
        return table
    tell_unknown_value("family", options)
    choice = st.sidebar.selectbox(
        "Family of the victim", options, index=None, key="family", bind="query-params", placeholder="all"
    )
    return table if choice is None else table[table["family"] == choice]


def choose_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that were played in the days that are chosen in the sidebar; at first all, the table itself."""
    for key in ("from", "until"):
        tell_no_date(key)
    first = st.sidebar.date_input("Played from", None, key="from", bind="query-params", format="YYYY-MM-DD")
    last = st.sidebar.date_input("Played until", None, key="until", bind="query-params", format="YYYY-MM-DD")
    if first is None and last is None:
        return frame
    chosen = games.restrict(frame, first, last)
    if chosen.empty:
        st.info("No run was played in these days.")
        st.stop()
    return chosen


def choose_run(frame: pd.DataFrame) -> pd.Series:
    """Return the run of `?run=ID`, or the one that is picked of the newest; at first the newest of all.

    The address follows the choice. Any run can be opened by its address; a list of them all would be too long to send.
    """
    wanted = st.query_params.get("run", "")
    asked = frame[frame["id"] == wanted]
    newest = frame[-OFFERED:]
    rest = asked[~asked["id"].isin(newest["id"])]
    offered = pd.concat([rest, newest])[::-1].set_index("id", drop=False)
    tell_unknown_value("run", asked["id"])
    ids = [str(key) for key in offered.index]
    names = offered["defense_label"] + " vs. " + offered["attack_label"]
    titles = names + " · " + offered["victim"] + " · " + offered["threat"] + " · seed " + offered["seed"].astype(str)
    index = ids.index(wanted) if wanted in ids else 0
    choice = st.selectbox("Run", ids, index, lambda key: f"{titles[key]} · {key}", key="chosen run") or ids[0]
    if len(frame) > len(ids):
        st.caption(f"The newest {OFFERED} of {len(frame):,} runs; the other pages lead to the rest.")
    st.query_params["run"] = choice
    return offered.iloc[ids.index(choice)]


def choose_title(place: DeltaGenerator, label: str, titles: Mapping[str, str], key: str) -> str:
    """Return the name whose title is picked, at first the first; the address has the title, as the page shows it."""
    names = {title: name for name, title in titles.items()}
    tell_unknown_value(key, names)
    title = place.selectbox(label, list(names), key=key, bind="query-params")
    return names[title or next(iter(names))]


def show_table(table: pd.DataFrame, columns: Mapping[str, tuple[str, Any]], **options: Any) -> pd.DataFrame:
    """Show some columns of a table under their titles and looks; return what is shown. `columns`: title and look."""
    titles = {name: title for name, (title, _) in columns.items()}
    looks = {title: look for title, look in columns.values() if look is not None}
    shown = table[list(columns)].rename(columns=titles)
    st.dataframe(shown, hide_index=True, column_config=looks, **options)
    return shown


def link_runs(runs: Iterable[str]) -> list[str]:
    """Return the address of each run's page; "" where there is none."""
    return ["run?run=" + quote(run, safe="") if run else "" for run in runs]


def link_methods(page: str, names: Iterable[str]) -> list[str]:
    """Return the address of a method's page, `defense` or `attack`; it ends with the name, which the table shows."""
    return [f"{page}?name=" + quote(name, safe="") for name in names]


def show_flags(flags: Sequence[Flag]) -> None:
    """Show the flags of a page in an expander; nothing is hidden because of them."""
    if flags:
        with st.expander(f"Flags: {len(flags)} doubts about these numbers", icon=":material/flag:"):
            width, height = SENTENCE
            looks = {"What": st.column_config.TextColumn(width=width)}
            st.dataframe(tabulate_flags(flags), hide_index=True, row_height=height, column_config=looks)


def highlight(words: Iterable[tuple[str, bool]]) -> str:
    """Return words as safe HTML, with those that were inserted in <mark>."""
    safe = ((html.escape(word), inserted) for word, inserted in words)
    return " ".join(f"<mark>{word}</mark>" if inserted else word for word, inserted in safe)
