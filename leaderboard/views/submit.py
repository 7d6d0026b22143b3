"""The page "Submit": check the YAML of a submission. Nothing of it is played, kept or executed."""

import streamlit as st

from bench.game.submissions.schema import KINDS
from bench.yamlfile import MAX_BYTES
from leaderboard import validator
from leaderboard.plain import quote_plain

st.title("Submit")
st.markdown(
    "A defense or an attack is sent in as a folder with `submission.yaml`. Check that file here: nothing of it is "
    "executed, and nothing is kept."
)
file = st.file_uploader(f"Your submission.yaml, at most {MAX_BYTES // 1024} KB", ["yaml", "yml"], max_upload_size=1)
if file is not None:
    with st.spinner("Checking"):
        checked = validator.validate(file.getvalue())
    if checked.is_valid:
        st.success(quote_plain(checked.message, 1000), icon=":material/check_circle:")
    else:
        st.error(quote_plain(checked.message, 1000), icon=":material/error:")
    if checked.note:
        st.info(checked.note, icon=":material/info:")
st.subheader("From the beginning")
st.code(
    "bench submit new my-defense --kind configured   # a valid submission to begin with\n"
    "bench submit validate submissions/my-defense    # the same check, with the files beside it\n"
    "bench submit run submissions/my-defense --first # one run, on your machine",
    language="bash",
    wrap_lines=True,
)
st.caption(f"Kinds: {', '.join(KINDS)}.")
