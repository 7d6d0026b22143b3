"""A stage in the hands of a worker, the same for every engine: transient errors are tried again, an error is text."""

import errno
import os
import time
import traceback

from bench.stages.stage import Stage

RETRIES = 2
"""Times that a stage is tried again after a transient error, and again after the death of its worker."""

PAUSE = 1.0
"""Seconds before the first retry; each further one waits four times as long."""

TRANSIENT = {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.EREMOTEIO, errno.ENETUNREACH, errno.EHOSTUNREACH}
"""What a network filesystem says while it is away."""


def transient(error: Exception) -> bool:
    """Whether the same call may succeed a little later, with nothing changed."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    return isinstance(error, OSError) and error.errno in TRANSIENT


def attempt(task: Stage, threads: int | None = None) -> str | None:
    """Make a stage; its traceback where it fails. `threads`: the cores that it may use."""
    if threads is not None:
        os.environ["BENCH_THREADS"] = str(threads)
    for again in range(RETRIES + 1):
        try:
            task.make()
        except Exception as error:
            if again == RETRIES or not transient(error):
                return traceback.format_exc()
            time.sleep(PAUSE * 4**again)
        else:
            break
    return None


class Deaths:
    """How often the workers of each task died: killed for memory, for instance."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def final(self, task: Stage, details: str = "without a traceback") -> str | None:
        """Count one more; None while the task is worth another try, and then the error that it is given up with."""
        count = self.counts[task.identity] = self.counts.get(task.identity, 0) + 1
        return None if count <= RETRIES else f"the worker died {count} times, {details}"
