"""The questions about a rendering."""

from bench.datasets.emoji.questions import BACKGROUND, CATEGORY, NAMING, SIZE


def test_no_two_kinds_share_a_question() -> None:
    every = [*NAMING, *CATEGORY, *BACKGROUND, *SIZE]
    assert len({question.casefold() for question in every}) == len(every)
    assert all(question == " ".join(question.split()) and question[-1] in "?." for question in every)
