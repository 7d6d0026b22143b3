"""ScienceQA (arXiv 2209.09513): school questions with options; the rows with a picture.

The hint is the question's context, and many questions cannot be understood without it: it is asked. The lecture tells
how to answer, and the solution tells the answer: both are left out.
"""

from string import ascii_uppercase
from typing import Any

from bench.datasets.hub.adapter import Adapter, Malformed, Text, listed, several, words


def read(row: dict[str, Any]) -> Text | None:
    """The question, its context and its options; the index of the answer becomes a letter."""
    if row["image"] is None:
        return None
    question, choices, answer = words(row, "question"), several(row, "choices"), row["answer"]
    if len(choices) != len(row["choices"]) or not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise Malformed(f"answer: {answer!r:.40} of {len(row['choices'])} choices; allowed: the index of one with text")
    if hint := (row["hint"] or "").strip():
        question = f"{question}\nContext: {hint}"
    return Text(listed(question, choices), ascii_uppercase[answer], choices=choices, rule="choice")


ADAPTER = Adapter(
    ("question", "choices", "answer", "hint"),
    {"train": ("train",), "validation": ("validation",), "test": ("test",)},
    read,
)
