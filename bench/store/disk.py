"""A full disk, told as what it is."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import UserError
from bench.paths import home

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, no quota, a file over the process's limit."""

TEXTS = (*(os.strerror(number) for number in FULL), "database or disk is full")
"""How libraries that are not written in Python say the same, in errors without a number."""

SQLITE, SCARCE = "disk I/O error", 1_000_000
"""What SQLite says of any trouble with its write-ahead log; with so few bytes left it is for want of them."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that the disk is full."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or any(text in str(error) for text in TEXTS):
            return True
        error = error.__cause__
    return False


class DiskFull(UserError):
    """Nothing can be written until there is room."""


@contextmanager
def told() -> Iterator[None]:
    """Raises DiskFull in place of an error that says that the disk is full; others pass."""
    try:
        yield
    except Exception as error:
        there = next(folder for folder in (home(), *home().parents) if folder.exists())
        free = shutil.disk_usage(there).free
        if isinstance(error, DiskFull) or not (is_full(error) or (free < SCARCE and SQLITE in str(error))):
            raise
        raise DiskFull(
            f"disk: no space left for {home()} ({free / 1e6:.1f} MB free, or a quota is used up);"
            " free some, for example with `bench cache gc`, or set BENCH_HOME to another disk"
        ) from error
