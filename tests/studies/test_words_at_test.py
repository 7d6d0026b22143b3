"""Words at test time: only questions change, and the table has both models and both ways of asking."""

from pathlib import Path

import pytest

from bench.datasets import load
from bench.spec import Method
from studies import words_at_test


def test_words_change_questions_alone() -> None:
    samples = load("emoji_smoke", "test")
    worded = words_at_test.insert_words(samples, "tiny-llava-a", seed=0)
    assert all(len(after.question) > len(before.question) for before, after in zip(samples, worded, strict=True))
    for before, after in zip(samples, worded, strict=True):
        assert (before.id, before.answer, before.image_id) == (after.id, after.answer, after.image_id)
        assert (before.pixels == after.pixels).all()
    again = words_at_test.insert_words(samples, "tiny-llava-a", seed=1)
    assert [s.question for s in again] != [s.question for s in worded]


def test_the_table_has_both_models(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(words_at_test, "PLAIN", Method(name="lora_sft", options={"epochs": 1}))
    words_at_test.main("emoji_smoke", "tiny-llava-a")
    _, _, *rows = capsys.readouterr().out.strip().splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| clean questions", "| questions with random words"]
    for row in rows:
        for cell in row.strip("| ").split(" | ")[1:]:
            mean, half = map(float, cell.split(" ± "))
            assert 0 <= mean <= 100 and half >= 0
