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


def test_the_page_of_an_attack_names_who_sent_it_as_text(
    enter: Callable[..., None], open_page: Callable[..., AppTest]
) -> None:
    enter("em", 0.3)
    entries.keep_card(entries.identify_attack("full_sft", {}), EntryCard(title=HOSTILE, authors=["<b>A</b>"]))
    captions = [caption.value for caption in open_page("attack", name="full_sft").caption]
    assert f"Submitted as `{HOSTILE}`, by `<b>A</b>`" in captions
    assert not [text for text in (c.value for c in open_page("attack", name="lora_sft").caption) if "Submitted" in text]
