"""The number of CPU threads that the user allows: the environment variable `BENCH_THREADS`."""

import os

from bench.errors import UserError, show

VARIABLE = "BENCH_THREADS"

MAX_THREADS = 1024


def read_threads(default: int | None = None) -> int:
    """Return the threads that the user allows, or else `default`, or else the number of cores.

    Raises UserError where the variable is set to anything but a whole number from 1 to `MAX_THREADS`.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return default or os.cpu_count() or 1
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_THREADS)) and 1 <= int(text) <= MAX_THREADS):
        raise UserError(f"{VARIABLE}: {show(text)}; allowed: a whole number from 1 to {MAX_THREADS}")
    return int(text)
