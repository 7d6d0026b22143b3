"""The page "Data sets": what is protected, its licence, and what it is worth to a trainer while it is clean."""

import streamlit as st

from bench.tables.catalogs import tabulate_datasets, tabulate_worth
from leaderboard import downloads, sources, worth

TITLES = {"dataset": "Data set", "summary": "What it is", "source": "Source", "licence": "Licence", "runs": "Runs"}

st.title("Data sets")
st.markdown(
    "The pictures, questions and answers that an owner protects. `bench data check NAME` counts one and looks for "
    "pictures that are in two splits."
)
runs = sources.select_runs()
table = tabulate_datasets(runs).rename(columns=TITLES)
st.dataframe(table, hide_index=True, height="content")
downloads.offer(table, "datasets", runs)
worth.show(tabulate_worth(runs), runs)
