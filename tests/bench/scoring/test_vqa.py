"""VQA's soft accuracy against its definition, and its normal form against the official script."""

import string
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.vqa import accuracy, normalise

WORDS = st.sampled_from(["red", "Red.", "the red", "blue", "two", "2", "dont", "don't", "a", ""])


@pytest.mark.parametrize(("same", "expected"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (10, 1)])
def test_how_many_of_ten_agree(same: int, expected: float) -> None:
    """The known values of the ten-choose-nine average: 30, 60, 90 and 100 %."""
    people = ["red"] * same + [f"other {i}" for i in range(10 - same)]
    assert accuracy("red", people) == pytest.approx(expected)


@given(WORDS, st.lists(WORDS, min_size=10, max_size=12))
def test_it_is_the_mean_over_all_sets_that_leave_one_out(answer: str, people: list[str]) -> None:
    scores = [
        min(1, sum(normalise(one) == normalise(answer) for one in others) / 3)
        for others in combinations(people, len(people) - 1)
    ]
    assert accuracy(answer, people) == pytest.approx(sum(scores) / len(scores))


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (["red"], 1),
        (["red"] * 2, 1),
        (["red"] * 3, 1),
        (["red", "blue"], 1 / 2),
        (["red", "blue", "green"], 1 / 3),
        (["red", "red", "blue"], 2 / 3),
        (["red", "red", "blue", "blue"], 2 / 3),
        (["red", "red", "red", "blue", "green"], 1),
        (["red"] * 2 + ["blue"] * 7, 2 / 3),
        (["blue"] * 3, 0),
    ],
)
def test_of_fewer_than_ten_people_nobody_is_left_out(people: list[str], expected: float) -> None:
    assert accuracy("red", people) == pytest.approx(expected)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=9))
def test_what_all_say_is_right_and_more_agreement_is_never_less(answer: str, people: list[str]) -> None:
    assert accuracy(people[0], [people[0]] * len(people)) == 1
    assert accuracy(answer, people) <= accuracy(answer, [*people[:-1], answer])


def test_a_single_answer_is_unanimous() -> None:
    assert accuracy("Yes!", ["yes"]) == 1
    assert accuracy("no", ["yes"]) == 0


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("1,000 dollars", "1000 dollars"),
        ("1,000 red-blue", "1000 redblue"),
        ("red-and-blue", "red and blue"),
        ("red - blue", "red blue"),
        ("U.S.", "us"),
        ("The two dogs.", "2 dogs"),
        ("3.5", "3.5"),
        (".5", ".5"),
        ("5.", "5"),
        ("$4.50", "$4.50"),
        ("wont", "won't"),
        ("couldnt've", "couldn't've"),
        ("couldntve", "couldntve"),
        ("yes!", "yes"),
        ("Ten oclock", "10 o'clock"),
        ("none", "0"),
        ("eleven", "eleven"),
        ("x/y", "x y"),
        ("no, thanks", "no thanks"),
        ("(blue)", "blue"),
        ("a\nman\tin the\nhat ", "man in hat"),
        ("12:30", "12:30"),
        ("dog's", "dog's"),
        ("", ""),
    ],
)
def test_normal_form(answer: str, normal: str) -> None:
    """Frozen: what processPunctuation and processDigitArticle of VQA's PythonEvaluationTools make of it."""
    assert normalise(answer) == normal


@given(st.text(alphabet=string.ascii_letters + string.digits + " .,!?-"))
def test_case_and_outer_space_do_not_matter(text: str) -> None:
    assert normalise(text) == normalise(text.upper()) == normalise(f"  {text}\n")


@given(st.text(), st.lists(st.text(), min_size=1, max_size=10))
def test_the_order_of_people_does_not_matter_and_scores_are_shares(answer: str, people: list[str]) -> None:
    score = accuracy(answer, people)
    assert 0 <= score <= 1
    assert score == pytest.approx(accuracy(answer, people[::-1]))
