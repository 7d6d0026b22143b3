"""The pages, over the results in `$BENCH_HOME`. `bench leaderboard` serves them by `leaderboard/server.py`."""

from pathlib import Path

import streamlit as st

from leaderboard.addresses import tell_unknown_keys

# A file of this folder: for the name of an icon, the browser would fetch a picture from elsewhere.
st.set_page_config(
    page_title="Protection leaderboard", page_icon=Path(__file__).with_name("icon.png"), layout="wide", menu_items={}
)
pages = [
    st.Page("views/overview.py", title="Overview", icon=":material/home:", default=True),
    st.Page("views/ranking.py", title="Ranking", icon=":material/leaderboard:"),
    st.Page("views/matrix.py", title="Matrix", icon=":material/grid_on:"),
    st.Page("views/compare.py", title="Compare", icon=":material/compare_arrows:"),
    st.Page("views/pareto.py", title="Pareto", icon=":material/scatter_plot:"),
    st.Page("views/cost.py", title="Cost", icon=":material/trending_up:"),
    st.Page("views/defense.py", title="Defense", icon=":material/shield:"),
    st.Page("views/attack.py", title="Attack", icon=":material/swords:"),
    st.Page("views/run.py", title="Run", icon=":material/science:"),
    st.Page("views/samples.py", title="Samples", icon=":material/image:"),
    st.Page("views/victims.py", title="Victims", icon=":material/smart_toy:"),
    st.Page("views/datasets.py", title="Data sets", icon=":material/database:", url_path="datasets"),
    st.Page("views/method.py", title="Method", icon=":material/function:"),
    st.Page("views/submit.py", title="Submit", icon=":material/upload_file:"),
    st.Page("views/paper.py", title="Published", icon=":material/menu_book:", url_path="published"),
]
page = st.navigation(pages, position="top")
tell_unknown_keys()
page.run()
