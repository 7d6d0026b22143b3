"""The page "Victims": the models that are trained, and what clean data are worth to each."""

import streamlit as st

from bench.tables.catalogs import tabulate_victims, tabulate_worth
from leaderboard import downloads, sources, worth

TITLES = {
    "victim": "Victim", "family": "Family", "source": "Source", "millions": "Parameters (M)",
    "accuracy": "Exam: names", "licence": "Licence", "runs": "Runs",
}  # fmt: skip

st.title("Victims")
st.markdown("The models that a trainer fine-tunes on a release. Those that come with the suite run anywhere, offline.")
runs = sources.select_runs()
table = tabulate_victims(runs).rename(columns=TITLES)
looks = {
    "Parameters (M)": st.column_config.NumberColumn(format="%.2f"),
    "Exam: names": st.column_config.NumberColumn(
        format="percent", help="accuracy on unseen renderings of known things"
    ),
}
st.dataframe(table, hide_index=True, column_config=looks, placeholder="–", height="content")
downloads.offer(table, "victims", runs)
worth.show(tabulate_worth(runs), runs)
