"""Parts that the pages share: the runs, the choice of a game or of a run, and how numbers look."""

import html
from collections.abc import Iterable, Sequence

import pandas as pd
import streamlit as st

from bench.scoring.flag import Flag
from bench.spec import PROTOCOL
from bench.tables.flags import tabulate_flags
from bench.tables.game import GAME_COLUMNS
from leaderboard import sources
from leaderboard.addresses import tell_unknown_value

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
    for column in GAME_COLUMNS:
        options = frame[column].value_counts(sort=True).index.tolist()
        tell_unknown_value(column, options)
        choice = st.sidebar.selectbox(TITLES[column], options, key=column, bind="query-params")
        frame = frame[frame[column] == choice]
    st.sidebar.caption(f"Protocol {PROTOCOL}. Defenses are compared only within one such game.")
    return frame


def choose_run(frame: pd.DataFrame) -> pd.Series:
    """Return the run of `?run=ID`, or the one that is picked; at first the newest. The address follows the choice."""
    frame = frame[::-1].set_index("id", drop=False)
    ids = [str(key) for key in frame.index]
    names = frame["defense_label"] + " vs. " + frame["attack_label"]
    titles = names + " · " + frame["victim"] + " · " + frame["threat"] + " · seed " + frame["seed"].astype(str)
    tell_unknown_value("run", ids)
    wanted = st.query_params.get("run", ids[0])
    index = ids.index(wanted) if wanted in ids else 0
    choice = st.selectbox("Run", ids, index, lambda key: f"{titles[key]} · {key}", key="chosen run") or ids[0]
    st.query_params["run"] = choice
    return frame.iloc[ids.index(choice)]


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
