"""Samples: what the owner released, and what the trainer's model answers. `?run=ID` is the permalink."""

import html

import pandas as pd
import streamlit as st

from leaderboard import files, widgets

STYLE = "<style>mark {background: #ffe08a; color: #1a1a1a; border-radius: 4px; padding: 0 .25em}</style>"


def release(run: pd.Series) -> None:
    """One sample before and after the defense."""
    st.subheader("Release")
    original, released = (files.samples(run["stages"], key) for key in ("original", "protect"))
    if original is None or released is None:
        st.info(f"The pictures are {files.NOT_HERE}", icon=":material/image_not_supported:")
        st.code(run["command"], language="bash", wrap_lines=True)
        return
    before, after = ({sample.id: sample for sample in samples} for samples in (original, released))
    chosen = st.selectbox("Sample", [key for key in before if key in after])
    if chosen is None:
        st.info("The release has no sample of the original.")
        return
    a, b = before[chosen], after[chosen]
    st.html(
        f"{STYLE}<p><b>Question</b> {files.highlight(a.question, b.question)}<br>"
        f"<b>Answer</b> {html.escape(b.answer)}</p>"
    )
    pictures = {"Original": a.pixels, "Released": b.pixels}
    if a.pixels.shape == b.pixels.shape:
        largest = abs(a.pixels.astype(int) - b.pixels).max()
        pictures[f"Difference × 10 (largest: {largest} levels)"] = files.difference(a.pixels, b.pixels)
    for column, (title, pixels) in zip(st.columns(3), pictures.items(), strict=False):
        column.image(files.magnify(pixels), caption=title, output_format="PNG", width="stretch")


def answers(run: pd.Series) -> None:
    """Test answers of the three models side by side."""
    st.subheader("Answers to the clean test questions")
    table, missing = files.answers(run["stages"])
    if table is None:
        st.info(f"Answers ({', '.join(missing)}) are {files.NOT_HERE}", icon=":material/question_mark:")
        return
    if st.toggle("Only where the clean model does better than the protected one"):
        table = table[table["clean score"] > table["protected score"]]
    looks = {f"{m} score": st.column_config.NumberColumn("score", format="%.2f", width=60) for m in files.ANSWERS}
    st.dataframe(table, column_config=looks)
    st.caption(f"{len(table)} questions")


st.title("Samples")
chosen = widgets.one_run(widgets.runs())
release(chosen)
answers(chosen)
st.page_link("views/run.py", label="This run in numbers", icon=":material/science:", query_params={"run": chosen["id"]})
