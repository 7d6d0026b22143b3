"""Commands that compute refuse a bad BENCH_THREADS before their first stage."""

from collections.abc import Callable
from pathlib import Path

import pytest

COMMANDS = [
    ("run", "--defense", "none", "--attack", "none", "--dataset", "emoji_smoke"),
    ("suite", "run", "smoke"),
    ("submit", "run", "submissions/random-noise"),
    ("victims", "exam", "tiny-llava-a"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command[:2]))
@pytest.mark.parametrize("text", ["abc", "0", "-1", "1000000000"])
def test_a_bad_number_of_threads_is_one_line_and_nothing_is_played(
    cli: Callable[..., tuple[object, str, str]],
    bench_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    text: str,
) -> None:
    monkeypatch.setenv("BENCH_THREADS", text)
    code, _, error = cli(*command)
    assert code == 2
    assert error.startswith(f"error: BENCH_THREADS: '{text}'; allowed: ") and error.count("\n") == 1
    assert not list(bench_home.glob("artifacts/*"))
