"""The benchmark of threads crafts in processes of their own, and ends one that takes too long."""

import pytest

from benchmarks import threads


@pytest.mark.slow
def test_a_process_says_its_seconds() -> None:
    (seconds,) = threads.measure(threads.WAYS["one thread"], 1)
    assert seconds is not None and 0 < seconds < threads.PATIENCE


def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "PATIENCE", 0.1)
    assert threads.measure({}, 1) == [None]
