"""The benchmark of batches has a time for every number of threads that may be used."""

import pytest
import torch

from benchmarks import collating


def test_each_number_of_threads_has_its_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("BENCH_THREADS", "3")
    monkeypatch.setattr(collating, "LARGE", (64, 96))
    monkeypatch.setattr(collating, "BATCHES", 1)
    try:
        times = collating.main()
    finally:
        torch.set_num_threads(before)
    assert list(times) == [1, 2] and min(times.values()) > 0
    assert "threads 1: " in capsys.readouterr().out
