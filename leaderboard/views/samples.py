"""The page "Samples": what the owner released, and how the trainer's model answers. `?run=ID` is its permalink."""

import html

import pandas as pd
import streamlit as st

from bench.samples import Sample
from bench.tables import release
from bench.tables.answers import MODELS, compare_answers, select_kept, select_lost
from leaderboard import downloads, pictures, widgets
from leaderboard.addresses import tell_unknown_value

STYLE = "<style>mark {background: #ffe08a; color: #1a1a1a; border-radius: 4px; padding: 0 .25em}</style>"

FILTERS = {
    "all questions": lambda table: table,
    "the protected model is still right": select_kept,
    "the clean model does better than the protected one": select_lost,
}


def show_release(run: pd.Series) -> None:
    """Show samples before and after the defense: one large, and a strip of others."""
    st.subheader("Release")
    original, released = (pictures.load_samples(run["stages"], role) for role in ("original", "protect"))
    if original is None or released is None:
        st.info(f"The pictures are {widgets.NOT_HERE}", icon=":material/image_not_supported:")
        st.code(run["command"], language="bash", wrap_lines=True)
        return
    before, after = ({sample.id: sample for sample in samples} for samples in (original, released))
    shared = [key for key in before if key in after]
    sample_id = st.selectbox("Sample", shared)
    if sample_id is None:
        st.info("The release has no sample of the original.")
        return
    show_sample(before[sample_id], after[sample_id])
    with st.expander("More samples of this release: original, released, difference", expanded=True):
        pictures.show_strip(original, released)


def show_sample(a: Sample, b: Sample) -> None:
    """Show one sample before (`a`) and after (`b`), with inserted words marked."""
    question = widgets.highlight(release.find_inserted(a.question, b.question))
    st.html(f"{STYLE}<p><b>Question</b> {question}<br><b>Answer</b> {html.escape(b.answer)}</p>")
    images = {"Original": a.pixels, "Released": b.pixels}
    if a.pixels.shape == b.pixels.shape:
        title = f"Difference × {release.AMPLIFICATION} (largest: {release.largest_change(a.pixels, b.pixels)} levels)"
        images[title] = release.amplify_difference(a.pixels, b.pixels)
    for column, (title, pixels) in zip(st.columns(3), images.items(), strict=False):
        column.image(release.enlarge(pixels), caption=title, output_format="PNG", width="stretch", alt=title)


def show_answers(run: pd.Series) -> None:
    """Show the test answers of the three models side by side."""
    st.subheader("Answers to the clean test questions")
    table, missing = compare_answers(run["stages"])
    if table is None:
        st.info(f"Answers ({', '.join(missing)}) are {widgets.NOT_HERE}", icon=":material/question_mark:")
        return
    tell_unknown_value("show", FILTERS)
    choice = st.radio("Show where", list(FILTERS), horizontal=True, key="show", bind="query-params")
    table = FILTERS[choice or "all questions"](table)
    looks = {f"{m} score": st.column_config.NumberColumn("score", format="%.2f", width=60) for m in MODELS}
    st.dataframe(table, column_config=looks)
    st.caption(f"{len(table)} questions, what zero-shot, clean and protected models said, and how right it is.")
    downloads.offer(table.reset_index(), "answers", run.to_frame().T)


st.title("Samples")
chosen = widgets.choose_run(widgets.load_runs())
show_release(chosen)
show_answers(chosen)
st.page_link("views/run.py", label="This run in numbers", icon=":material/science:", query_params={"run": chosen["id"]})
