"""BENCH_THREADS is a small whole number, or one line before any work."""

import os
import subprocess
import sys

import pytest

from bench.errors import UserError
from bench.runtime import prepare
from bench.threads import MAX_THREADS, read_threads

BAD = ["abc", "0", "-1", "1000000000", "9" * 5000, "1.5", "2 ", "²", "٣", "0x2", "\x1b[31m", str(MAX_THREADS + 1)]


def test_a_number_is_taken_and_without_one_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_THREADS", "3")
    assert read_threads() == read_threads(8) == 3
    for unset in (lambda: monkeypatch.setenv("BENCH_THREADS", ""), lambda: monkeypatch.delenv("BENCH_THREADS")):
        unset()
        assert read_threads() == (os.cpu_count() or 1)
        assert read_threads(8) == 8


@pytest.mark.parametrize("text", BAD)
def test_any_other_text_is_one_line(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BENCH_THREADS", text)
    with pytest.raises(UserError) as error:
        prepare()
    assert str(error.value).startswith("BENCH_THREADS: ")
    assert str(error.value).endswith(f"allowed: a whole number from 1 to {MAX_THREADS}")
    assert str(error.value).isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="torch has another OpenMP there")
@pytest.mark.parametrize(("own", "spins"), [(None, "1000"), ("77", "77")])
def test_threads_give_up_their_core_soon_while_they_wait(own: str | None, spins: str) -> None:
    environment = {**os.environ, "OMP_DISPLAY_ENV": "VERBOSE"}
    environment.pop("GOMP_SPINCOUNT", None)
    environment |= {"GOMP_SPINCOUNT": own} if own else {}
    told = subprocess.run(
        [sys.executable, "-c", "import bench, torch"], env=environment, capture_output=True, text=True
    )
    assert f"GOMP_SPINCOUNT = '{spins}'" in told.stderr
