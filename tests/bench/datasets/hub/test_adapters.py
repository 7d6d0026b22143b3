"""The prompt and the accepted answers of rows of each hub data set: a changed prompt fails a test."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.datasets import hub_store
from bench.datasets.cards import HUB
from bench.datasets.hub import docvqa, flickr8k, mmstar, realworldqa, scienceqa, textvqa, vqa_rad
from bench.datasets.hub.adapter import Malformed, RowTexts
from bench.datasets.splits import SPLITS
from bench.scoring.rules import strict_score

LETTER = "\nAnswer with the option's letter from the given choices directly."
SHORT = "\nAnswer the question using a single word or phrase."
BRIDGE = (
    "Which is nearer?\n\nA. The bridge\nB. The boat\nPlease answer directly with only the letter of the correct option."
)
MATH = (
    "Hint: Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end.\n"
    "Question: What is x?\nChoices:\n(A) 1\n(B) 2, or: 3\n(C) 4"
)
SCIENCE = {"question": "Which is a solid?", "choices": ["water", "stone"], "answer": 1, "hint": "", "image": {}}


@pytest.mark.parametrize(
    ("read", "row", "expected"),
    [
        (
            realworldqa.read,
            {"question": BRIDGE, "answer": "B"},
            RowTexts(BRIDGE, "B", choices=("The bridge", "The boat"), rule="choice"),
        ),
        (
            realworldqa.read,
            {"question": "Is it red?\nPlease answer with a single word or number.", "answer": " Yes "},
            RowTexts("Is it red?\nPlease answer with a single word or number.", "Yes"),
        ),
        (realworldqa.read, {"question": BRIDGE, "answer": "boat"}, RowTexts(BRIDGE, "boat")),
        (
            mmstar.read,
            {"question": "Which one?\nOptions: A: a cat, B: two, or 3: dogs, C: none, D: x", "answer": "C"},
            RowTexts(
                "Which one?\nA. a cat\nB. two, or 3: dogs\nC. none\nD. x" + LETTER,
                "C",
                choices=("a cat", "two, or 3: dogs", "none", "x"),
                rule="choice",
            ),
        ),
        (
            mmstar.read,
            {"question": MATH, "answer": "B"},
            RowTexts(
                "What is x?\nA. 1\nB. 2, or: 3\nC. 4" + LETTER, "B", choices=("1", "2, or: 3", "4"), rule="choice"
            ),
        ),
        (
            mmstar.read,
            {"question": "Which letter is it, A or B?", "answer": "B"},
            RowTexts("Which letter is it, A or B?" + LETTER, "B", rule="choice"),
        ),
        (
            scienceqa.read,
            {**SCIENCE, "hint": " Look at the table. ", "lecture": "Solids ...", "solution": "It is stone."},
            RowTexts(
                "Which is a solid?\nContext: Look at the table.\nA. water\nB. stone" + LETTER,
                "B",
                choices=("water", "stone"),
                rule="choice",
            ),
        ),
        (
            vqa_rad.read,
            {"question": "is there a fracture?", "answer": "no"},
            RowTexts("is there a fracture?" + SHORT, "no"),
        ),
        (
            textvqa.read,
            {"question": "what brand?", "answers": ["nokia"] * 3 + ["dakota"] * 4 + ["dakota digital"] * 2 + [""]},
            RowTexts(
                "what brand?" + SHORT,
                "dakota",
                answers=("nokia",) * 3 + ("dakota",) * 4 + ("dakota digital",) * 2,
                rule="vqa",
            ),
        ),
        (
            docvqa.read,
            {"question": "What is the date?", "answers": ["1/8/93", "8 Jan 93"]},
            RowTexts("What is the date?" + SHORT, "1/8/93", answers=("1/8/93", "8 Jan 93"), rule="anls"),
        ),
        (
            flickr8k.read,
            {f"caption_{n}": f"A dog runs {n} ." for n in range(5)},
            RowTexts(
                "Describe the picture in one sentence.",
                "A dog runs 0 .",
                answers=tuple(f"A dog runs {n} ." for n in range(5)),
                rule="caption",
            ),
        ),
    ],
)
def test_a_row_becomes_this_question_and_the_answer_that_is_learned_scores(
    read: Callable[[dict[str, Any]], RowTexts], row: dict[str, Any], expected: RowTexts
) -> None:
    result = read(row)
    assert result == expected
    assert strict_score(result.answer, result) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("read", "row", "message"),
    [
        (vqa_rad.read, {"question": "q", "answer": "  "}, "answer: '  '; allowed: text"),
        (vqa_rad.read, {"question": None, "answer": "a"}, "question: 'None'; allowed: text"),
        (textvqa.read, {"question": "q", "answers": []}, "answers: no text in it; allowed: one or more"),
        (textvqa.read, {"question": "q", "answers": ["", " "]}, "answers: no text in it"),
        (docvqa.read, {"question": "q", "answers": None}, "answers: 'None'; allowed: a list of texts"),
        (docvqa.read, {"question": "q", "answers": ["a", None]}, "answers: .*; allowed: a list of texts"),
        (mmstar.read, {"question": "q\nOptions: A: x, B: y", "answer": "C"}, "answer: 'C'; allowed: a letter of 2"),
        (scienceqa.read, {**SCIENCE, "answer": 2}, "answer: 2 of 2 choices"),
        (scienceqa.read, {**SCIENCE, "answer": None}, "answer: None of 2 choices"),
        (scienceqa.read, {**SCIENCE, "choices": ["a", ""]}, "answer: 1 of 2 choices; allowed: the index of one"),
        (flickr8k.read, {f"caption_{n}": "" if n == 3 else "A dog." for n in range(5)}, "caption_3: ''"),
    ],
)
def test_a_row_without_an_answer_is_malformed_and_says_where(
    read: Callable[[dict[str, Any]], RowTexts], row: dict[str, Any], message: str
) -> None:
    with pytest.raises(Malformed, match=message):
        read(row)


def test_questions_without_a_picture_are_not_for_a_model_that_sees() -> None:
    assert scienceqa.read({**SCIENCE, "image": None}) is None


@pytest.mark.parametrize("name", HUB)
def test_every_split_is_fed_by_a_file_and_every_file_feeds_one(name: str) -> None:
    from bench.datasets.hub_rows import source_split

    roles, card = hub_store.load_adapter(name).roles, HUB[name]
    assert {source_split(file) for file in card.files} == set(roles)
    assert {split for fed in roles.values() for split in fed} == set(SPLITS)
    assert len(card.revision) == 40 and set(card.revision) <= set("0123456789abcdef")
    assert all(card) and len(set(card.files)) == len(card.files)
