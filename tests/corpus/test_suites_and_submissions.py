"""Strangers' submissions and suites are valid, or refused with one short line; whatever they hold."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus.suites_and_submissions import SUBMISSIONS, SUITES, Case

LONGEST = 900
"""Characters of a line. The names of all victims and defenses may be in it, but no long value."""

SECONDS = 20
"""A bound for a busy machine; a refusal takes less than one second."""


def name_of(case: Case) -> str:
    text = case.content.decode("latin-1") if isinstance(case.content, bytes) else case.content
    return f"{case.kind}-{abs(hash(text)) % 10**6}"


def check(case: Case, code: object, out: str, error: str) -> None:
    """Fail unless a command ended as is right for the case."""
    assert "Traceback" not in error
    assert all(character.isprintable() or character in "\n\u3000\u200c\u200d" for character in out + error)
    if case.told is None:
        assert (code, error) == (0, "")
        return
    assert code == 2 and out == ""
    assert error.startswith("error: ") and error.count("\n") == 1 and len(error) < LONGEST
    assert case.told in error


def test_the_corpus_is_large_and_has_valid_files_too() -> None:
    cases = [*SUBMISSIONS, *SUITES]
    assert len(cases) >= 150 and len({case.content for case in cases}) == len(cases)
    for kind in {case.kind for case in cases}:
        assert {case.told is None for case in cases if case.kind == kind} == {True, False}


@pytest.mark.parametrize(("command", "cases"), [(("submit", "validate"), SUBMISSIONS), (("suite", "plan"), SUITES)])
def test_every_file_is_valid_or_one_line(
    run_bench: Callable[..., tuple[object, str, str]], tmp_path: Path, command: tuple[str, str], cases: list[Case]
) -> None:
    wrong: list[str] = []
    for number, case in enumerate(cases):
        file = tmp_path / f"{number}.yaml"
        file.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
        start = time.perf_counter()
        code, out, error = run_bench(*command, str(file))
        try:
            check(case, code, out, error)
            assert time.perf_counter() - start < SECONDS
        except AssertionError as failure:
            wrong.append(f"{case.content[:200]!r}: {case.told!r}: {code} {out[:100]!r} {error[:300]!r} ({failure})")
    assert not wrong, "\n".join(wrong)


SOME = [
    next(case for case in SUBMISSIONS if case.kind == kind and case.told)
    for kind in ("numbers", "texts", "names", "notation")
]


@pytest.mark.parametrize("case", SOME, ids=lambda case: case.kind)
def test_a_process_of_its_own_says_the_same(tmp_path: Path, case: Case) -> None:
    file = tmp_path / "entry.yaml"
    file.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    command = [sys.executable, "-m", "bench.cli.main", "submit", "validate", str(file)]
    environment = {**os.environ, "BENCH_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    check(case, done.returncode, done.stdout, done.stderr)
