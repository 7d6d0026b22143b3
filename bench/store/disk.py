"""Full disks: recognise the errors of many libraries, and report them as one clear error."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import UserError, printable
from bench.paths import home

FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, no quota, and a file over the size limit of the process."""

FULL_MESSAGES = (*(os.strerror(number) for number in FULL_ERRNOS), "database or disk is full")
"""Messages of libraries that are not written in Python, whose errors carry no number."""

SQLITE_MESSAGE = "disk I/O error"
"""Message of SQLite for any trouble with its write-ahead log, a full disk among others."""

SCARCE = 1_000_000
"""Free bytes below which `SQLITE_MESSAGE` is taken to mean a full disk."""


class DiskFull(UserError):
    """The disk of the suite's home is full, or a quota is used up."""


def is_disk_full_error(error: BaseException | None) -> bool:
    """Return True if an error, or one of its causes, says that the disk is full.

    >>> is_disk_full_error(OSError(errno.ENOSPC, "No space left on device"))
    True
    """
    while error is not None:
        if getattr(error, "errno", None) in FULL_ERRNOS or any(text in str(error) for text in FULL_MESSAGES):
            return True
        error = error.__cause__
    return False


@contextmanager
def full_disk_as_error() -> Iterator[None]:
    """Raise DiskFull in place of any error in this context that says that the disk is full. Other errors pass."""
    try:
        yield
    except Exception as error:
        is_full, may_be_full = is_disk_full_error(error), SQLITE_MESSAGE in str(error)
        if isinstance(error, DiskFull) or not (is_full or may_be_full):
            raise
        folder = next(folder for folder in (home(), *home().parents) if folder.exists())
        free = shutil.disk_usage(folder).free
        if not is_full and free >= SCARCE:
            raise
        raise DiskFull(
            f"disk: no space left for {printable(str(home()))} ({free / 1e6:.1f} MB free, or a quota is used up);"
            " free some, for example with `bench cache gc`, or set BENCH_HOME to another disk"
        ) from error
