"""The sweep of binding prints attention masses of each combination, and its clean column is without the release."""

from pathlib import Path

import pytest

from bench.spec import Method
from studies import binding


def test_a_sweep_prints_two_rows_a_combination(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(binding, "PLAIN", Method(name="lora_sft", options={"epochs": 1}))
    binding.main(dataset="emoji_smoke", bind="2", tau="0.1", layers="1", candidates="1")
    head, _, *lines = capsys.readouterr().out.strip().splitlines()
    titles, rows = head.split(" | "), [line.strip("| ").split(" | ") for line in lines]
    assert [row[:5] for row in rows] == [["2", "0.1", "1", "1", state] for state in ("as it is", "fine-tuned")]
    for row in rows:
        assert len(row) == len(titles)
        masses = [float(cell.split(" ± ")[0]) for cell in row[5:-1]]
        assert all(0 < mass < 1 for mass in masses)
    clean, protected = (float(cell.split(" ± ")[0]) for cell in rows[0][5:7])
    assert protected > clean, "the victim as it is attends more to words that were chosen for it"
