"""A release that changes anything besides pixels and inserted plain words is refused, in one line."""

from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.spec import Budget
from bench.stages.audit import audit
from bench.stages.fidelity import insertions, show_ascii
from bench.words import LONGEST, insert, may_be_inserted, split_pieces

GRAY = np.full((16, 16, 3), 100, np.uint8)
QUESTION = "What is this?\nA. cat  B. dog"
CLEAN = SampleSet(
    (
        Sample("s1", "p1", GRAY, QUESTION, "A", ("A", "a"), ("cat", "dog"), "choice"),
        Sample("s2", "p1", GRAY, "Name it.", "cat", ("cat", "tomcat")),
        Sample("s3", "p2", GRAY + np.uint8(1), "Is it \u00e9t\u00e9?", "no"),
    )
)
WIDE = Budget(epsilon=8, words=64)

SPACES = st.sampled_from([" ", "  ", "\n", "\r\n", "\t", "\u2003", "\u3000", "\u00a0", "\x1c", "\u2028", "\n\n "])
ORIGINAL = st.one_of(
    st.text("ab lake?\n\t\u00e9\u0301\u6f22\u2003\u200b\u202e", max_size=30),
    st.text(max_size=20),
    st.lists(st.one_of(SPACES, st.sampled_from(["lake", "pony", "What", "is", "</s>"])), max_size=14).map("".join),
)
PLAIN = st.lists(
    st.one_of(st.sampled_from(["lake", "pony"]), st.from_regex(r"[A-Za-z]{3,32}", fullmatch=True)), max_size=5
)
"""Plain words; two of them also stand in questions."""


def asked(question: object) -> SampleSet:
    """Return the release that asks another question in the first sample."""
    return SampleSet((replace(CLEAN[0], question=question), *CLEAN[1:]))


def refusal(released: SampleSet, control: bool = False) -> str:
    """Return the line that refuses a release under the widest budget. It is one short line of plain characters."""
    with pytest.raises(UserError) as error:
        audit(CLEAN, released, WIDE, control)
    line = str(error.value)
    assert line.startswith("release: ")
    assert "allowed: " in line
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 400
    return line


def judge(question: str, released: str) -> str:
    """Return the line that refuses a released question, or nothing where it passes."""
    sample = Sample("s", "p", GRAY, question, "cat")
    try:
        audit(SampleSet((sample,)), SampleSet((replace(sample, question=released),)), WIDE)
    except UserError as error:
        return str(error)
    return ""


HOSTILE_QUESTIONS = {
    "an em space after the question": QUESTION + "\u2003",
    "an ideographic space before it": "\u3000" + QUESTION,
    "a space after it": QUESTION + " ",
    "5,000 spaces after it": QUESTION + " " * 5000,
    "5,000 spaces inside": QUESTION.replace("is", "is" + " " * 5000),
    "an em space for a space": QUESTION.replace(" is", "\u2003is"),
    "a no-break space for a space": QUESTION.replace(" is", "\u00a0is"),
    "two spaces for one": QUESTION.replace(" is", "  is"),
    "one space for two": QUESTION.replace("  B", " B"),
    "a line break for a space": QUESTION.replace(" is", "\nis"),
    "a space for a line break": QUESTION.replace("\n", " "),
    "another line break": QUESTION.replace("\n", "\r\n"),
    "a word after two spaces": QUESTION.replace(" is", "  lake is"),
    "a word after a line break": QUESTION.replace("\n", "\nlake\n"),
    "a word before an em space": QUESTION.replace(" is", " lake\u2003is"),
    "a word after a wide space at the start": "\u3000lake " + QUESTION,
    "a space before a word at the start": " lake " + QUESTION,
    "white space after a word at the end": QUESTION + " lake\u2003",
    "a word without a space": QUESTION.replace("What", "lakeWhat"),
    "a zero-width space in a word": QUESTION.replace("this", "th\u200bis"),
    "a zero-width joiner at the end": QUESTION + "\u200d",
    "a soft hyphen": QUESTION.replace("this", "th\u00adis"),
    "a combining accent": QUESTION.replace("this", "this\u0301"),
    "a variation selector": QUESTION.replace("?", "?\ufe0f"),
    "a tag character": QUESTION.replace("?", "?\U000e0041"),
    "a Cyrillic letter that looks Latin": QUESTION.replace("a", "\u0430", 1),
    "a right-to-left override": "\u202e" + QUESTION,
    "an override as a word": "\u202e " + QUESTION,
    "a NUL": QUESTION.replace("?", "?\x00"),
    "an escape sequence": QUESTION.replace("What", "\x1b[31mWhat"),
    "a backspace": QUESTION + "\b",
    "another case": QUESTION.replace("What", "what"),
    "a word deleted": QUESTION.replace(" is", ""),
    "the last word deleted": QUESTION.removesuffix(" dog"),
    "a word replaced by a plain one": QUESTION.replace("cat", "dog"),
    "words exchanged": QUESTION.replace("cat", "x").replace("dog", "cat").replace("x", "dog"),
    "a letter deleted": QUESTION.replace("this", "tis"),
    "a word split": QUESTION.replace("What", "Wh at"),
    "no question": "",
    "not text": None,
    "a number": 7,
    "a list": [QUESTION],
    "an end token": QUESTION + " </s>",
    "a picture token": "<image> " + QUESTION,
    "a padding token": "<|endoftext|> " + QUESTION,
    "an instruction token": "[INST] " + QUESTION,
    "a digit": QUESTION + " 3",
    "a mark": QUESTION + " !",
    "a letter": QUESTION + " B",
    "a word with an accent": QUESTION + " \u00e9t\u00e9s",
    "a word of full-width letters": QUESTION + " \uff4c\uff41\uff4b\uff45",
    "a Chinese word": QUESTION + " \u6f22\u5b57\u5b57",
    "a word with a zero-width space": QUESTION + " la\u200bke",
    "a word of a million letters": QUESTION + " " + "a" * 1_000_000,
    "a word of one letter too many": QUESTION + " " + "a" * (LONGEST + 1),
    "a lone surrogate": QUESTION + " \ud800",
}


@pytest.mark.parametrize("question", HOSTILE_QUESTIONS.values(), ids=HOSTILE_QUESTIONS)
def test_a_question_that_changed_is_refused(question: object) -> None:
    """Protection that comes from such a change would be a mark of the answer, and no defense."""
    assert "question of sample 's1'" in refusal(asked(question))


HOSTILE_FIELDS = {
    "id": {"id": "s9"},
    "image_id": {"image_id": "p9"},
    "answer": {"answer": "B"},
    "answer's case": {"answer": "a"},
    "answers": {"answers": ("A", "B")},
    "one of the answers less": {"answers": ("A",)},
    "answers in another order": {"answers": ("a", "A")},
    "no answers": {"answers": ()},
    "choices": {"choices": ("dog", "cat")},
    "no choices": {"choices": ()},
    "rule": {"rule": "exact"},
    "an unknown rule": {"rule": "\x1b[2J" * 9999},
    "a long answer": {"answer": "\u202e" * 100_000},
    "answer of no text": {"answer": 1},
}


@pytest.mark.parametrize("change", HOSTILE_FIELDS.values(), ids=HOSTILE_FIELDS)
def test_a_field_that_changed_is_refused(change: dict[str, object]) -> None:
    (name,) = change
    line = refusal(SampleSet((replace(CLEAN[0], **change), *CLEAN[1:])))
    assert "'s1'" in line
    assert show_ascii(change[name]) in line


def test_every_field_is_compared() -> None:
    """A field that is added to samples has to stand in one of these tests."""
    tested = {name for change in HOSTILE_FIELDS.values() for name in change}
    assert {f.name for f in fields(Sample)} == tested | {"pixels", "question"}


HOSTILE_SETS = {
    "the last is missing": (CLEAN[:2], "sample 3 from ('s3', 'p2') to None, 3 samples to 2"),
    "the first is missing": (CLEAN[1:], "sample 1 from ('s1', 'p1') to ('s2', 'p1'), 3 samples to 2"),
    "none is left": ((), "sample 1 from ('s1', 'p1') to None, 3 samples to 0"),
    "one more": ((*CLEAN, replace(CLEAN[0], id="s4")), "sample 4 from None to ('s4', 'p1'), 3 samples to 4"),
    "one twice": ((*CLEAN, CLEAN[0]), "sample 4 from None to ('s1', 'p1'), 3 samples to 4"),
    "another order": (CLEAN[::-1], "sample 1 from ('s1', 'p1') to ('s3', 'p2'), 3 samples to 3"),
    "two pictures of one image_id": (
        (replace(CLEAN[0], pixels=GRAY + np.uint8(1)), *CLEAN[1:]),
        "differs at sample 's2'",
    ),
    "another size": ((replace(CLEAN[0], pixels=GRAY[:8]), *CLEAN[1:]), "(8, 16, 3) uint8; allowed: (16, 16, 3) uint8"),
    "one channel": ((replace(CLEAN[0], pixels=GRAY[..., 0]), *CLEAN[1:]), "(16, 16) uint8"),
    "alpha": ((replace(CLEAN[0], pixels=np.dstack([GRAY, GRAY])[..., :4]), *CLEAN[1:]), "(16, 16, 4) uint8"),
    "floats": ((replace(CLEAN[0], pixels=GRAY / 255), *CLEAN[1:]), "float64; allowed: (16, 16, 3) uint8"),
    "signed": ((replace(CLEAN[0], pixels=GRAY.astype(np.int8)), *CLEAN[1:]), "int8; allowed: (16, 16, 3) uint8"),
    "no array": ((replace(CLEAN[0], pixels=GRAY.tolist()), *CLEAN[1:]), "allowed: (16, 16, 3) uint8"),
    "nothing": ((replace(CLEAN[0], pixels=None), *CLEAN[1:]), "is None; allowed: (16, 16, 3) uint8"),
}


@pytest.mark.parametrize(("samples", "message"), HOSTILE_SETS.values(), ids=HOSTILE_SETS)
@pytest.mark.parametrize("control", [False, True])
def test_samples_and_pictures_that_changed_are_refused(
    samples: tuple[Sample, ...], message: str, control: bool
) -> None:
    assert message in refusal(SampleSet(samples), control)


def test_a_control_may_change_answers_and_no_other_field() -> None:
    def report(**change: object) -> dict[str, object]:
        return audit(CLEAN, SampleSet((replace(CLEAN[0], **change), *CLEAN[1:])), Budget(), control=True)

    assert (
        report(answer="B")["answers"] == report(answers=())["answers"] == report(answer="B", answers=())["answers"] == 1
    )
    assert "answers" not in audit(CLEAN, CLEAN, Budget(), control=True)
    for change in ({"choices": ()}, {"rule": "exact"}, {"id": "x"}, {"question": QUESTION + " "}, {"answer": None}):
        refusal(SampleSet((replace(CLEAN[0], **change), *CLEAN[1:])), control=True)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (QUESTION, 0),
        ("lake " + QUESTION, 1),
        (QUESTION + " lake", 1),
        ("lake pony " + QUESTION.replace("\n", " pony\n"), 3),
        (QUESTION.replace("cat", "cat cat"), 1),
        (QUESTION + " " + "a" * LONGEST, 1),
        (QUESTION + " Add", 1),
    ],
)
def test_inserted_plain_words_are_counted(question: str, words: int) -> None:
    assert audit(CLEAN, asked(question), WIDE)["words"] == words


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("code", ["\u2003", "\u3000", "\u2003\u3000", " \u200a", "\t"])
def test_an_answer_coded_in_white_space_is_refused(place: int, code: str) -> None:
    """Before each of the seven words, and at the end."""
    pieces = [*split_pieces(QUESTION)[0], ("", "")]
    pieces[place] = (code, pieces[place][1])
    assert "question of sample 's1'" in refusal(asked("".join(map("".join, pieces))))


@given(ORIGINAL, PLAIN, st.data())
def test_every_insertion_is_found_and_passes(question: str, words: list[str], data: st.DataObject) -> None:
    """At its place, up to words that stand beside equal ones."""
    places = len(split_pieces(question)[0])
    slots = sorted(data.draw(st.lists(st.integers(0, places), min_size=len(words), max_size=len(words))))
    text = insert(question, words, slots).text
    inserted, at = insertions(question, text)
    assert Counter(inserted) == Counter(words)
    assert insert(question, inserted, at).text == text
    if not set(words) & set(question.split()):
        assert (inserted, at) == (words, slots)
    sample = Sample("s", "p", GRAY, question, "cat")
    report = audit(SampleSet((sample,)), SampleSet((replace(sample, question=text),)), Budget(words=5))
    assert (report["words"], report["edit_distance"]) == (len(words), len(text) - len(question))


@given(ORIGINAL, PLAIN, st.data())
def test_what_passes_is_an_insertion_of_plain_words(question: str, words: list[str], data: st.DataObject) -> None:
    """Any edit of a release: what the audit does not refuse, `insert` makes of plain words, to the letter."""
    slots = sorted(data.draw(st.lists(st.integers(0, 9), min_size=len(words), max_size=len(words))))
    text = insert(question, words, slots).text
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 6)))
    edit = data.draw(
        st.one_of(st.text(max_size=3), SPACES, st.sampled_from(["\u200b", "\u202e", "\u0301", " lake", "K"]))
    )
    edited = text[:start] + edit + text[end:]
    assume(edited != text)
    line = judge(question, edited)
    assert line.isprintable()
    assert line.isascii()
    if line:
        assert "question of sample 's'" in line
    else:
        inserted, at = insertions(question, edited)
        assert insert(question, inserted, at).text == edited
        assert all(map(may_be_inserted, inserted))


def test_long_texts_are_compared_in_a_moment() -> None:
    long = " \n".join(["word?"] * 100_000) + " " * 100_000
    assert insertions(long, long) == ([], [])
    assert len(insertions("", "lake " * 100_000 + "lake")[0]) == 100_001
    for other in (" " * 200_000, long[:-1], long.replace("\n", " ")):
        with pytest.raises(UserError):
            insertions(long, other)
