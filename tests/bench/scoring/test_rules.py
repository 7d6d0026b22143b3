"""The rules by name: strict scores, lenient scores, and what holds for all of them."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.samples import Rule, Sample
from bench.scoring.rules import (
    RULES,
    AnswerKey,
    accepted_answers,
    lenient_answer,
    lenient_score,
    strict_answer,
    strict_score,
)

COLOURS = ("red", "dark red", "blue")
CASES = [
    # rule, answer, answers, choices, response, strict, lenient, lenient reading
    ("exact", "red apple", (), (), "The red apple.", 1, 1, "The red apple."),
    ("exact", "red apple", (), (), "I see a red apple", 0, 1, "red apple"),
    ("exact", "sofa", ("couch", "sofa"), (), "Couch", 1, 1, "Couch"),
    ("exact", "sofa", ("couch", "sofa"), (), "it is some couch", 0, 1, "couch"),
    ("exact", "sofa", (), (), "couch", 0, 0, "couch"),
    ("choice", "C", (), COLOURS, "(c)", 1, 1, "C"),
    ("choice", "C", (), COLOURS, "The answer is C.", 0, 1, "C"),
    ("choice", "C", (), COLOURS, "blue", 0, 1, "C"),
    ("choice", "C", (), COLOURS, "The answer is B.", 0, 0, "The answer is B."),
    ("choice", "D", (), (), "D.", 1, 1, "D"),
    ("vqa", "2", ("two",) * 2 + ("3",) * 8, (), "2", 0.6, 0.6, "2"),
    ("vqa", "2", ("two",) * 10, (), "The answer is 2.", 0, 1, "2"),
    ("anls", "coca cola", (), (), "coca col", 8 / 9, 8 / 9, "coca col"),
    ("anls", "coca cola", (), (), 'It says "Coca Cola".', 0, 1, "Coca Cola"),
    ("caption", "a dog runs", ("a dog runs", "the dog is fast"), (), "the dog is fast", 1, 1, "the dog is fast"),
    ("caption", "a dog", (), (), "Caption: a dog.", 0.8, 1, "a dog"),
]


@pytest.mark.parametrize(("rule", "answer", "answers", "choices", "response", "hard", "soft", "reading"), CASES)
def test_examples(
    rule: str, answer: str, answers: tuple[str, ...], choices: tuple[str, ...], response: str, hard: float, soft: float,
    reading: str,
) -> None:  # fmt: skip
    key = AnswerKey(answer, answers, choices, rule)
    assert strict_score(response, key) == pytest.approx(hard)
    assert lenient_score(response, key) == pytest.approx(soft)
    if soft == 1:
        assert lenient_answer(response, key) == reading


def test_every_rule_of_a_sample_is_judged() -> None:
    assert set(RULES) == set(get_args(Rule)) == {case[0] for case in CASES}


def test_a_sample_is_a_key() -> None:
    sample = Sample("a", "a", np.zeros((4, 4, 3), np.uint8), "Which?", "B", choices=("x", "y"), rule="choice")
    assert strict_score("(b)", sample) == 1 and strict_score("y", sample) == 0 and lenient_score("y", sample) == 1
    assert accepted_answers(sample) == ("B",) and accepted_answers(replace(sample, answers=("b", "B"))) == ("b", "B")


WORD = st.sampled_from(["red", "The", "answer", "is", "B", "(A)", "two", "blue.", '"', "it's", "a\nb", "", "é"])
TEXT = st.lists(WORD, max_size=6).map(" ".join) | st.text(max_size=12)
KEYS = st.builds(
    lambda rule, text, *lists: AnswerKey("AB"[len(text) % 2] if rule == "choice" else text, *lists, rule),
    st.sampled_from(sorted(RULES)),
    TEXT,
    st.lists(TEXT, max_size=10).map(tuple),
    st.lists(TEXT, min_size=2, max_size=4).map(tuple),
)  # fmt: skip


@given(TEXT, KEYS)
def test_scores_are_shares_and_lenient_is_never_below_strict(response: str, key: AnswerKey) -> None:
    assert 0 <= strict_score(response, key) <= lenient_score(response, key) <= 1 + 1e-12


@given(TEXT, KEYS)
def test_space_around_a_response_does_not_matter(response: str, key: AnswerKey) -> None:
    for judge in (strict_score, lenient_score):
        assert judge(f" {response}\n", key) == judge(response, key)


@given(st.sampled_from(sorted(RULES)), st.sampled_from(["red apple", "12:30", "Coca Cola", "three dogs"]))
def test_wrapping_costs_strictly_and_not_leniently(rule: str, text: str) -> None:
    key = AnswerKey("C", (), ("x", text, "z"), rule)._replace(answer="B" if rule == "choice" else text)
    right = key.answer
    assert strict_score(right, key) == lenient_score(right, key) == 1
    wrapped = f"The answer is {right}."
    assert strict_score(wrapped, key) < 1 and lenient_score(wrapped, key) == 1
    assert lenient_score("The answer is something else entirely", key) < 1


def test_a_strict_answer_is_what_was_said() -> None:
    assert strict_answer(" The Red. ", AnswerKey("red")) == "The Red."
    assert strict_answer("(b)", AnswerKey("B", rule="choice")) == "B"
    assert strict_answer("b it is", AnswerKey("B", rule="choice")) == "b it is"
