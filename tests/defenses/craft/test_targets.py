"""Wrong answers: never right, of the same kind, and each answer has one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.scoring.matching import normalise
from defenses.craft.targets import deranged, kind

PIXELS = np.zeros((4, 4, 3), np.uint8)
QUESTIONS = ("What is this?", "Is it red?", "How many are there?")


def asked(*rows: tuple[str, str]) -> SampleSet:
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", PIXELS, q, a) for i, (q, a) in enumerate(rows)))


@given(
    st.lists(
        st.tuples(st.sampled_from(QUESTIONS), st.sampled_from(["Yes", "no", "the cat", "Cat.", "owl"])), min_size=2
    ),
    st.integers(0, 99),
)
def test_no_answer_is_right_and_each_is_of_the_kind_if_there_is_another(rows: list[tuple[str, str]], seed: int) -> None:
    samples = asked(*rows, (QUESTIONS[0], "boat"), (QUESTIONS[0], "sun"))
    wrong = deranged(samples, np.random.default_rng(seed))
    given_to: dict[tuple[object, str], str] = {}
    for sample, told in zip(samples, wrong, strict=True):
        assert normalise(told) != normalise(sample.answer)
        kin = {normalise(s.answer) for s in samples if kind(s) == kind(sample)}
        assert len(kin) == 1 or normalise(told) in kin
        assert given_to.setdefault((kind(sample), normalise(sample.answer)), told) == told, "equal ones get equal ones"


def test_in_a_kind_the_answers_change_places() -> None:
    rows = [(QUESTIONS[0], answer) for answer in ("cat", "dog", "owl", "elk")]
    wrong = deranged(asked(*rows), np.random.default_rng(0))
    assert sorted(wrong) == ["cat", "dog", "elk", "owl"]
    others = [deranged(asked(*rows), np.random.default_rng(seed)) for seed in range(6)]
    assert others[0] == wrong and any(other != wrong for other in others)


def test_letters_stay_among_the_choices_there_are() -> None:
    two, four = ("a", "b"), ("a", "b", "c", "d")
    rows = [Sample(f"{n}{x}", "p", PIXELS, "Which?", x, (), n, "choice") for n in (two, four) for x in n]
    for sample, told in zip(rows, deranged(SampleSet(tuple(rows)), np.random.default_rng(3)), strict=True):
        assert told in sample.choices and told != sample.answer


def test_where_all_answers_are_the_same_there_is_no_wrong_one() -> None:
    same = asked((QUESTIONS[0], "cat"), (QUESTIONS[1], "A cat."))
    with pytest.raises(UserError, match="answers: all are 'cat'; allowed: two or more"):
        deranged(same, np.random.default_rng(0))
    other = SampleSet((*same, replace(same[0], id="x", answer="dog")))
    assert deranged(other, np.random.default_rng(0)) == ["dog", "dog", "cat"]
