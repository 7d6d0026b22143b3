"""Reading the chosen option from a response, strictly and leniently."""

from string import ascii_lowercase, ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.choice import find_choice, read_letter

COLOURS = ("red", "dark red", "blue", "a green one")


@pytest.mark.parametrize("form", ["B", "(B)", "B.", "B)", "b", "(b)", " B \n", "B:", "(B).", "b.", "B,", "( B )"])
def test_the_letter_in_its_usual_forms(form: str) -> None:
    assert read_letter(form) == "B"
    assert find_choice(form) == "B"


@pytest.mark.parametrize(
    "other", ["", "BB", "Blue", "B blue", "B. blue", "The answer is B", "A or B", "7", "é", "ß", "B?!"]
)
def test_nothing_else_is_a_letter(other: str) -> None:
    assert read_letter(other) is None


def test_a_letter_beyond_the_options_is_none() -> None:
    assert read_letter("D", 4) == "D"
    assert read_letter("E", 4) is None
    assert find_choice("E", COLOURS) is None


@pytest.mark.parametrize(
    ("response", "option"),
    [
        ("The answer is C.", "C"),
        ("the correct answer is (c)", "C"),
        ("Answer: C", "C"),
        ("Answer: c", "C"),
        ("Option C is right, because A and B are not.", "C"),
        ("My answer would be C because the car is blue", "C"),
        ("C. blue", "C"),
        ("C) blue", "C"),
        ("(C) blue", "C"),
        ("C\nThe car looks blue.", "C"),
        ("It is (C), I think.", "C"),
        ("I would say C", "C"),
        ("blue", "C"),
        ("Blue.", "C"),
        ('"Blue"', "C"),
        ("The car is blue.", "C"),
        ("dark red", "B"),
        ("It looks dark red to me", "B"),
        ("red", "A"),
        ("A car that is blue", "C"),
        ("It is A", "A"),
        ("A is the right one", "A"),
        ("The answer is A", "A"),
        ("green one", "D"),
    ],
)
def test_what_a_sentence_means(response: str, option: str) -> None:
    assert find_choice(response, COLOURS) == option


@pytest.mark.parametrize(
    "response", ["", "A or B", "(A) and (C)", "red or blue", "I don't know", "The answer is a car", "yellow", "reddish"]
)
def test_what_means_no_option_or_two(response: str) -> None:
    assert find_choice(response, COLOURS) is None


def test_options_that_are_letters_themselves() -> None:
    """The letter comes before the option's text: "B" is option B although option A reads "B"."""
    assert find_choice("B", ("B", "A")) == "B"


@given(st.text(), st.lists(st.text(max_size=5), max_size=6))
def test_what_is_a_letter_is_also_the_choice(response: str, choices: list[str]) -> None:
    strict = read_letter(response, len(choices) or 26)
    assert strict is None or find_choice(response, choices) == strict
    assert find_choice(response, choices) in {None, *ascii_uppercase[: len(choices) or 26]}


@given(
    st.sampled_from(ascii_uppercase[:8]), st.sampled_from(["{}", "The answer is {}.", "Answer: ({})", "I choose {}"])
)
def test_every_letter_is_found(option: str, form: str) -> None:
    assert find_choice(form.format(option), tuple(f"thing {x * 3}" for x in ascii_lowercase[:8])) == option
