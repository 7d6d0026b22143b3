"""Titles and authors of strangers on the page, as text, beside a badge that none of them can set."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from bench.results import entries
from bench.results.entries import EntryCard

HOSTILE = "<script>a</script> **b** [x](javascript:c) :material/home: verified"


@pytest.fixture
def named(enter: Callable[..., None]) -> None:
    """A ranked defense whose title and author would be more than text elsewhere."""
    enter("em", 0.3)
    card = EntryCard(title=HOSTILE, authors=["<b>A</b>", "[B](http://there)"])
    entries.keep_card(entries.identify_defense("em", {}), card)


def test_a_hostile_title_is_a_cell_of_text(named: None, open_page: Callable[..., AppTest]) -> None:
    app = open_page()
    row = app.dataframe[0].value.set_index("Defense").loc["em"]
    assert row[["Submission", "By", "Played by"]].tolist() == [
        HOSTILE, "<b>A</b>, [B](http://there)", "this machine",
    ]  # fmt: skip
    shown = [*app.markdown, *app.caption, *app.text, *app.warning, *app.info]
    assert not [element for element in shown if "javascript:" in element.value]
