"""The limits of a process that runs foreign code."""

import os
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bench.errors import UserError, show

VARIABLE = "BENCH_SANDBOX_SECONDS"
"""The environment variable that changes how long foreign code may run."""

SECONDS = 7200
MAX_SECONDS = 30 * 24 * 3600


class Limits(NamedTuple):
    """The resources of a sandbox: one or all of its processes together, as said.

    seconds: of wall-clock time. memory: bytes of all processes together, and of each. disk: bytes of the private
    temporary folder, which is in memory. names: files and folders in it. processes: processes and threads. files: open
    at a time in one process. output: bytes of what is printed.
    """

    seconds: int = SECONDS
    memory: int = 8 * 2**30
    disk: int = 2**30
    names: int = 50_000
    processes: int = 256
    files: int = 256
    output: int = 2**26


def choose_limits(weights: Iterable[Path] = ()) -> Limits:
    """Return the limits for code that uses these files of weights, which may be widened to float32 and be there twice.

    Raises UserError where `BENCH_SANDBOX_SECONDS` is no whole number from 1 to 30 days.
    """
    standard = Limits()
    size = sum(file.stat().st_size for file in weights)
    return standard._replace(seconds=read_seconds(), memory=standard.memory + 5 * size)


def read_seconds() -> int:
    """Return the seconds that foreign code may run: those of `BENCH_SANDBOX_SECONDS`, or else two hours."""
    text = os.environ.get(VARIABLE) or str(SECONDS)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SECONDS)) and 1 <= int(text) <= MAX_SECONDS):
        raise UserError(f"{VARIABLE}: {show(text)}; allowed: a whole number from 1 to {MAX_SECONDS}")
    return int(text)


def limit_this_process(limits: Limits) -> None:
    """Set the limits that the system keeps for each process. They cannot be raised again.

    A process may use every core for all the time: `seconds` counts on the wall.
    """
    seconds = limits.seconds * (os.cpu_count() or 1)
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_FSIZE, limits.disk),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (value, value))
