"""Words are dealt as a study says: to whom, to which places, and the table has a row for each deal."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.samples import NOTHING, Sample, SampleSet
from studies import dealt_words


def asked(*questions: str, answers: str = "") -> SampleSet:
    """Return samples with these questions; `answers`: a letter for each."""
    pairs = zip(questions, answers or "a" * len(questions), strict=True)
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", NOTHING, q, answer) for i, (q, answer) in enumerate(pairs)))


@given(st.text("abc", min_size=1, max_size=30), st.integers(0, 9))
def test_every_samples_words_are_dealt_once_and_to_whom_it_says(answers: str, seed: int) -> None:
    samples = asked(*("?" * len(answers)), answers=answers)
    own, answer, other, anyone = (
        dealt_words.deal(samples, to, np.random.default_rng(seed)) for to in ("own", "answer", "other", "any")
    )
    assert own == list(range(len(samples)))
    for givers in (answer, anyone):
        assert sorted(givers) == own
    assert all(answers[giver] == letter for giver, letter in zip(answer, answers, strict=True))
    assert all(giver != i for i, giver in enumerate(answer) if answers.count(answers[i]) > 1)
    assert len(samples) == 1 or all(giver != i for i, giver in enumerate(anyone))
    sources = {(answers[giver], letter) for giver, letter in zip(other, answers, strict=True)}
    letters = set(answers)
    assert {source for source, _ in sources} == {receiver for _, receiver in sources} == letters, "each goes to one"
    assert len(sources) == len(letters) and (len(letters) == 1 or all(source != to for source, to in sources))


def test_dealt_words_keep_their_places_or_stand_at_the_end() -> None:
    clean = asked("What is this?", "Name it.")
    release = asked("What lamp is this? pony", "fox Name it.")
    dealt = dealt_words.insert_dealt(clean, release, [1, 0])
    assert [s.question for s in dealt] == ["fox What is this?", "Name lamp it. pony"]
    assert [s.question for s in dealt_words.insert_dealt(clean, release, [0, 1])] == [s.question for s in release]


@given(st.lists(st.lists(st.sampled_from(["fox", "elk", "owl", "pony"]), max_size=3).map(tuple)), st.integers(0, 9))
def test_a_word_under_another_name_goes_with_the_same_questions(words: list[tuple[str, ...]], seed: int) -> None:
    names = dealt_words.rename(words, np.random.default_rng(seed))
    known = {word for of_one in words for word in of_one}
    assert set(names) == set(names.values()) == known
    assert len(known) == 1 or all(word != name for word, name in names.items())


def test_renamed_words_tell_as_much_as_before() -> None:
    clean = asked(*["What is this?"] * 4, answers="aabb")
    release = asked("What fox is this?", "fox What is this?", "What elk is this?", "What is this? elk", answers="aabb")
    names = dealt_words.rename(dealt_words.find_words(clean, release), np.random.default_rng(0))
    renamed = dealt_words.insert_dealt(clean, release, [0, 1, 2, 3], names)
    assert renamed[0].question == "What elk is this?" and renamed[3].question == "What is this? fox"
    assert dealt_words.tell_answers(clean, renamed) == dealt_words.tell_answers(clean, release) == 1


def test_words_tell_an_answer_that_other_samples_have_with_them() -> None:
    clean = asked(*["What?"] * 5, answers="aabbb")
    worded = asked("fox What?", "What? fox", "elk What?", "elk What?", "owl What?", answers="aabbb")
    assert dealt_words.tell_answers(clean, worded) == 4 / 5, "nobody else has the owl"
    assert dealt_words.tell_answers(clean, clean) == 0
    one_of_four = asked(*["elk What?"] * 4, answers="abbb")
    assert dealt_words.tell_answers(asked(*["What?"] * 4, answers="abbb"), one_of_four) == 3 / 4


def test_the_table_has_the_release_and_each_deal(bench_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dealt_words.main("random_trigger", "full_sft(epochs=4)", "emoji_smoke", "tiny-llava-a", seeds="0")
    head, _, *rows = capsys.readouterr().out.strip().splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows]
    assert head.startswith("| `random_trigger` |") and len(cells) == 1 + len(dealt_words.TITLES)
    assert cells[0][1:] == cells[1][1:], "random words leave pictures clean, so their own places are the release"
    for _, told, right, protection in cells:
        assert re.fullmatch(r"\d+%", told)
        assert re.fullmatch(r"\d+\.\d%", right) and re.fullmatch(r"[-+]\d\.\d\d \[.+, .+\]", protection)
