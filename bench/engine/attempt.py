"""One attempt at a stage by a worker, the same for every engine: transient errors are retried, an error is text."""

import errno
import os
import time
import traceback

from bench.errors import hide_secrets
from bench.stages.stage import Stage

RETRIES = 2
"""Number of retries after a transient error, and after the death of a worker."""

PAUSE = 1.0
"""Seconds before the first retry. Each further one waits four times as long."""

TRANSIENT = {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.EREMOTEIO, errno.ENETUNREACH, errno.EHOSTUNREACH}
"""Error numbers of a network file system that is away."""


def is_transient(error: Exception) -> bool:
    """Tell if the same call may succeed a little later, with nothing changed."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    return isinstance(error, OSError) and error.errno in TRANSIENT


def attempt(stage: Stage, threads: int | None = None) -> str | None:
    """Make a stage. Return its traceback where it fails. `threads`: the number of cores that it may use."""
    if threads is not None:
        os.environ["BENCH_THREADS"] = str(threads)
    for retry in range(RETRIES + 1):
        try:
            stage.make()
        except Exception as error:
            if retry == RETRIES or not is_transient(error):
                return hide_secrets(traceback.format_exc())
            time.sleep(PAUSE * 4**retry)
        else:
            break
    return None


class Deaths:
    """Number of workers that died over each stage, for instance because they were killed for memory."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def count(self, stage: Stage, details: str = "without a traceback") -> str | None:
        """Count one more death. Return None while the stage is worth another try, then the error to give it up with."""
        count = self.counts[stage.identity] = self.counts.get(stage.identity, 0) + 1
        return None if count <= RETRIES else f"the worker died {count} times, {details}"
