"""ANLS against its definition and against another implementation of the edit distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.distance import edit_distance

from bench.scoring.anls import anls, levenshtein

TEXT = st.text(alphabet="abcé 1", max_size=8)


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("kitten", "sitting", 3), ("flaw", "lawn", 2), ("", "abc", 3), ("", "", 0)]
)
def test_known_distances(a: str, b: str, edits: int) -> None:
    assert levenshtein(a, b) == levenshtein(b, a) == edits


@given(TEXT, TEXT)
def test_distance_is_nltks(a: str, b: str) -> None:
    assert levenshtein(a, b) == edit_distance(a, b)


@pytest.mark.parametrize(
    ("answer", "targets", "expected"),
    [
        ("coca cola", ["coca cola"], 1),
        ("Coca  Cola ", ["coca cola"], 1),
        ("coca col", ["coca cola"], 8 / 9),  # one of nine characters is missing
        ("coca", ["coca cola"], 0),  # five of nine: not below the threshold
        ("ab", ["abcd"], 0),  # exactly half: NL < 0.5 does not hold
        ("abc", ["abcde"], 0.6),
        ("pepsi", ["coca cola", "pepsi co", "pepsi"], 1),  # the best of the accepted ones
        ("pepsi", ["coca cola", "pepsi co"], 5 / 8),
        ("", ["a"], 0),
        ("", [""], 1),
    ],
)
def test_worked_examples(answer: str, targets: list[str], expected: float) -> None:
    """Equation 1 of Biten et al. 2019 by hand."""
    assert anls(answer, targets) == pytest.approx(expected)


@given(TEXT, st.lists(TEXT, min_size=1, max_size=4))
def test_more_accepted_answers_never_hurt(answer: str, targets: list[str]) -> None:
    score = anls(answer, targets)
    assert score == 0 or 0.5 < score <= 1
    assert anls(answer, [*targets, "c1"]) >= score
    assert anls(answer, targets[::-1]) == score
    assert anls(targets[0].upper(), targets) == 1
