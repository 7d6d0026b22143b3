"""Eight processes open a database without tables and write at once. No row is lost, doubled or mixed."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.results import load

WRITERS, ROWS, CONTESTED = 8, 500, "f" * 16


def test_eight_writers_lose_and_double_nothing(url: str, values: Callable[..., dict[str, Any]]) -> None:
    template = {name: value for name, value in values().items() if name != "created"}
    line = [sys.executable, str(Path(__file__).with_name("writer.py"))]
    running = [
        subprocess.Popen([*line, str(number)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(WRITERS)
    ]
    for process in running:
        assert process.stdin is not None
        json.dump(template, process.stdin)
        process.stdin.close()
    errors = [process.stderr.read() for process in running if process.stderr is not None]
    assert ([process.wait() for process in running], errors) == ([0] * WRITERS, [""] * WRITERS)
    rows = load()
    expected = [f"{writer:04x}{number:012x}" for writer in range(WRITERS) for number in range(ROWS)]
    assert Counter(row.id for row in rows) == Counter([*expected, CONTESTED])
    for row in rows:
        writer = row.seed if row.id == CONTESTED else int(row.id[:4], 16)
        assert (row.seed, row.command, row.stages) == (writer, f"writer {writer}", {"protect": str(writer)})
