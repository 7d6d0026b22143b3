"""ScienceQA (arXiv 2209.09513): school questions with options; the rows with a picture.

The hint is the context of the question, and many questions make no sense without it, so it is part of the question.
The lecture says how to answer, and the solution gives the answer: both are left out.
"""

from string import ascii_uppercase
from typing import Any

from bench.datasets.hub.adapter import Adapter, Malformed, RowTexts, ask_with_options, read_text, read_texts


def read(row: dict[str, Any]) -> RowTexts | None:
    """Ask the question with its context and options. The index of the answer becomes a letter."""
    if row["image"] is None:
        return None
    question, choices, answer = read_text(row, "question"), read_texts(row, "choices"), row["answer"]
    if len(choices) != len(row["choices"]) or not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise Malformed(f"answer: {answer!r:.40} of {len(row['choices'])} choices; allowed: the index of one with text")
    hint = (row["hint"] or "").strip()
    if hint:
        question = f"{question}\nContext: {hint}"
    return RowTexts(ask_with_options(question, choices), ascii_uppercase[answer], choices=choices, rule="choice")


ADAPTER = Adapter(
    ("question", "choices", "answer", "hint"),
    {"train": ("train",), "validation": ("validation",), "test": ("test",)},
    read,
)
