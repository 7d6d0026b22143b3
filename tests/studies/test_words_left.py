"""Words that cleaning leaves are counted against the owner's questions, and the table has a row for each cleaning."""

from pathlib import Path

import pytest

from bench.samples import NOTHING, Sample, SampleSet
from studies import words_left


def asked(*questions: str) -> SampleSet:
    """Return samples with these questions."""
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", NOTHING, q, "bus") for i, q in enumerate(questions)))


def test_words_are_left_lost_and_questions_restored() -> None:
    clean = asked("What is this?", "What is this?", "Name the red thing.")
    release = asked("What lamp is this? pony", "What is lamp lamp this?", "Name the pony red thing.")
    cleaned = asked("What is this?", "What is lamp this?", "Name the thing.")
    assert words_left.count(clean, release, cleaned) == (5, 1, 1, 1, 3)


def test_the_table_says_what_each_cleaning_leaves(bench_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words_left.main("random_trigger", "drop_rare,gray", dataset="emoji_smoke", victim="tiny-llava-a")
    *_, rare, gray = capsys.readouterr().out.strip().splitlines()
    _, inserted, left, _, restored, questions = (cell.strip() for cell in rare.strip("| ").split("|"))
    assert int(left) < int(inserted) == 5 * int(questions) and int(restored) > 0.5 * int(questions)
    assert gray.strip("| ").split(" | ")[1:5] == [inserted, inserted, "0", "0"], "gray cleans no words"
