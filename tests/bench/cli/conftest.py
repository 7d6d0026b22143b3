"""The command line as a person has it: arguments in; exit code, output and errors out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.cli.main import main


class Said(NamedTuple):
    """What a command left on the terminal."""

    code: object
    out: str
    err: str


@pytest.fixture
def cli(bench_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs `bench` in this process, in an empty home."""
    for name in ("TRANSFORMERS_VERBOSITY", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        monkeypatch.setenv(name, "1" if name != "TRANSFORMERS_VERBOSITY" else "error")

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return Said(left.value.code, *capsys.readouterr())

    return call
