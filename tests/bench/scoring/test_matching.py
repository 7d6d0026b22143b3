"""Exact match after normalisation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.matching import matches, normalise


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("Red Apple.", "red apple", True),
        ("a red apple", "red apple", True),
        ("red  apple", "red apple", True),
        ("apple", "red apple", False),
        ("red apple red apple", "red apple", False),
        ("", "red apple", False),
    ],
)
def test_matches(answer: str, target: str, right: bool) -> None:
    assert matches(answer, [target]) is right


@given(st.text())
def test_normalise_is_idempotent(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
