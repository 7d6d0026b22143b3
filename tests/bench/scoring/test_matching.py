"""Exact match after normalisation, with aliases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.tasks.qasper.metrics import normalize_answer

from bench.scoring.matching import find_mention, matches, normalise

WORDS = st.lists(st.sampled_from(["the", "A", "an", "Red", "red", "apple.", "(apple)", "2", "'x'"]), max_size=5).map(
    " ".join
)


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("Red Apple.", "red apple", True),
        ("a red apple", "red apple", True),
        ("red  apple", "red apple", True),
        ("apple", "red apple", False),
        ("red apple red apple", "red apple", False),
        ("", "red apple", False),
        ("t-shirt", "T shirt", True),
        ("", "A", False),
        ("a", "A", True),
        ("the", "A", False),
        ("", "?", False),
        ("?", "?", True),
    ],
)
def test_matches(answer: str, target: str, right: bool) -> None:
    assert matches(answer, [target]) is right


def test_any_alias_counts() -> None:
    assert matches("The Sofa", ["couch", "sofa"])
    assert not matches("chair", ["couch", "sofa"])


@given(st.text())
def test_normalise_is_idempotent(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(WORDS, WORDS)
def test_it_is_squads_where_no_word_has_punctuation_inside(answer: str, target: str) -> None:
    """Against another implementation of Rajpurkar et al.'s script; there, answers with only articles are empty."""
    articles = {"a", "an", "the"}
    if any(set(text.lower().split()) <= articles for text in (answer, target)):
        return
    assert matches(answer, [target]) is (normalize_answer(answer) == normalize_answer(target))


@pytest.mark.parametrize(
    ("response", "result"),
    [
        ("I see a red apple here", "red apple"),
        ("It is a sofa.", "sofa"),
        ("a couch or sofa", "couch"),
        ("red apples", None),
        ("scouch", None),
        ("", None),
    ],
)
def test_find_mention(response: str, result: str | None) -> None:
    assert find_mention(response, ["red apple", "couch", "sofa"]) == result
