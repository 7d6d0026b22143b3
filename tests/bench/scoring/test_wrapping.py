"""Removing the wrapping of an answer, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.wrapping import unwrap


@pytest.mark.parametrize(
    ("response", "bare"),
    [
        ("The answer is red.", "red"),
        ("the final answer is: 42", "42"),
        ("Answer: 12 March 2020", "12 March 2020"),
        ('It says "OPEN".', "OPEN"),
        ("The sign reads: stop", "stop"),
        ("It's a dog.", "a dog"),
        ("This is a dog", "a dog"),
        ("“Coca Cola”", "Coca Cola"),
        ("**red**", "red"),
        ("red\nbecause it looks red", "red"),
        ("\n\n  red", "red"),
        ("Caption: a dog runs.", "a dog runs"),
        ('The answer is "it is red."', "red"),
        ("red", "red"),
        ("Italy", "Italy"),
        ("answering machine", "answering machine"),
        ("the answer", "the answer"),
        ("3.5", "3.5"),
        ("The answer is", "The answer is"),
        (".", "."),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_layers(response: str, bare: str) -> None:
    assert unwrap(response) == bare


@given(st.text())
def test_it_is_a_part_of_the_response_and_has_no_more_layers(response: str) -> None:
    bare = unwrap(response)
    assert bare in response
    assert unwrap(bare) == bare


@given(st.sampled_from(["red", "a dog", "12:30", "$4.50", "Coca Cola"]), st.integers(0, 3))
def test_any_depth(answer: str, depth: int) -> None:
    response = answer
    for _ in range(depth):
        response = f'The answer is "{response}".'
    assert unwrap(response) == answer
