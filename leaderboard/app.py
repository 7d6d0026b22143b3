"""`streamlit run leaderboard/app.py`: the pages, over the results in `$BENCH_HOME`."""

import streamlit as st

st.set_page_config(page_title="Protection leaderboard", page_icon=":material/shield:", layout="wide")
pages = [
    st.Page("views/ranking.py", title="Ranking", icon=":material/leaderboard:", default=True),
    st.Page("views/matrix.py", title="Matrix", icon=":material/grid_on:"),
    st.Page("views/cost.py", title="Cost", icon=":material/trending_up:"),
    st.Page("views/run.py", title="Run", icon=":material/science:"),
    st.Page("views/samples.py", title="Samples", icon=":material/image:"),
    st.Page("views/paper.py", title="Published", icon=":material/menu_book:", url_path="published"),
]
st.navigation(pages, position="top").run()
