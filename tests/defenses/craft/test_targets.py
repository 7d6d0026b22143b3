"""Wrong answers: never right, of the same kind, and each answer has one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.scoring.matching import normalise
from defenses.craft.targets import choose_wrong_answers, question_kind

PIXELS = np.zeros((4, 4, 3), np.uint8)
QUESTIONS = ("What is this?", "Is it red?", "How many are there?")


def make_samples(*rows: tuple[str, str]) -> SampleSet:
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", PIXELS, q, a) for i, (q, a) in enumerate(rows)))


@given(
    st.lists(
        st.tuples(st.sampled_from(QUESTIONS), st.sampled_from(["Yes", "no", "the cat", "Cat.", "owl"])), min_size=2
    ),
    st.integers(0, 99),
)
def test_no_answer_is_right_and_each_is_of_the_kind_if_there_is_another(rows: list[tuple[str, str]], seed: int) -> None:
    samples = make_samples(*rows, (QUESTIONS[0], "boat"), (QUESTIONS[0], "sun"))
    wrong = choose_wrong_answers(samples, np.random.default_rng(seed))
    exchanged: dict[tuple[object, str], str] = {}
    for sample, answer in zip(samples, wrong, strict=True):
        assert normalise(answer) != normalise(sample.answer)
        same_kind = {normalise(s.answer) for s in samples if question_kind(s) == question_kind(sample)}
        assert len(same_kind) == 1 or normalise(answer) in same_kind
        key = question_kind(sample), normalise(sample.answer)
        assert exchanged.setdefault(key, answer) == answer, "equal ones get equal ones"


def test_in_a_kind_the_answers_change_places() -> None:
    rows = [(QUESTIONS[0], answer) for answer in ("cat", "dog", "owl", "elk")]
    wrong = choose_wrong_answers(make_samples(*rows), np.random.default_rng(0))
    assert sorted(wrong) == ["cat", "dog", "elk", "owl"]
    others = [choose_wrong_answers(make_samples(*rows), np.random.default_rng(seed)) for seed in range(6)]
    assert others[0] == wrong and any(other != wrong for other in others)


def test_letters_stay_among_the_choices_there_are() -> None:
    two, four = ("a", "b"), ("a", "b", "c", "d")
    rows = [Sample(f"{n}{x}", "p", PIXELS, "Which?", x, (), n, "choice") for n in (two, four) for x in n]
    for sample, answer in zip(
        rows, choose_wrong_answers(SampleSet(tuple(rows)), np.random.default_rng(3)), strict=True
    ):
        assert answer in sample.choices and answer != sample.answer


def test_where_all_answers_are_the_same_there_is_no_wrong_one() -> None:
    same = make_samples((QUESTIONS[0], "cat"), (QUESTIONS[1], "A cat."))
    with pytest.raises(UserError, match="answers: all are 'cat'; allowed: two or more"):
        choose_wrong_answers(same, np.random.default_rng(0))
    other = SampleSet((*same, replace(same[0], id="x", answer="dog")))
    assert choose_wrong_answers(other, np.random.default_rng(0)) == ["dog", "dog", "cat"]
