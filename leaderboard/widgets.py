"""What the pages share: the results at hand, the choice of a game or of a run, and how numbers look."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from bench.scoring.smells import Smell
from bench.spec import PROTOCOL
from bench.tables import data
from bench.tables.flags import table as told
from leaderboard import sources

TITLES = {
    "dataset": "Data set",
    "victim": "Victim",
    "threat": "Threat model",
    "surrogates": "Owner's surrogates",
    "epsilon": "Pixel budget ε (levels of 255)",
    "words": "Word budget",
}
SHARE = st.column_config.NumberColumn(format="percent", width="small")
SENTENCE = 500, 76  # width and height in pixels that a wrapped sentence has
SCORE = st.column_config.NumberColumn(format="%.2f")


def runs() -> pd.DataFrame:
    """The runs of the chosen source; where there are none at all, says how to make one and ends the page."""
    frame = sources.runs()
    if frame.empty:
        st.info("No results yet. Play a first game, then reload this page:", icon=":material/sports_esports:")
        st.code("bench run --defense mmguard --attack lora_sft", language="bash")
        st.stop()
    return frame


def game(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs of the game that is chosen in the sidebar; at first the one that was played most."""
    for column in data.GAME:
        options = frame[column].value_counts(sort=True).index.tolist()
        choice = st.sidebar.selectbox(TITLES[column], options, key=column, bind="query-params")
        frame = frame[frame[column] == choice]
    st.sidebar.caption(f"Protocol {PROTOCOL}. Defenses are compared only within one such game.")
    return frame


def one_run(frame: pd.DataFrame) -> pd.Series:
    """The run of `?run=ID`, or the one that is picked; at first the newest. The address follows the choice."""
    frame = frame[::-1].set_index("id", drop=False)
    ids = [str(key) for key in frame.index]
    names = frame["defense_label"] + " vs. " + frame["attack_label"]
    titles = names + " · " + frame["victim"] + " · " + frame["threat"] + " · seed " + frame["seed"].astype(str)
    wanted = st.query_params.get("run", ids[0])
    if wanted not in ids:
        st.warning("The run in this address is not among these results.", icon=":material/link_off:")
    index = ids.index(wanted) if wanted in ids else 0
    chosen = st.selectbox("Run", ids, index, lambda key: f"{titles[key]} · {key}", key="chosen run") or ids[0]
    st.query_params["run"] = chosen
    return frame.iloc[ids.index(chosen)]


def flags(found: Sequence[Smell]) -> None:
    """What is doubtful about the numbers of a page, in an expander: nothing is hidden for it."""
    if found:
        with st.expander(f"Flags: {len(found)} doubts about these numbers", icon=":material/flag:"):
            width, height = SENTENCE
            looks = {"What": st.column_config.TextColumn(width=width)}
            st.dataframe(told(found), hide_index=True, row_height=height, column_config=looks)
