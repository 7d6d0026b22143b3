"""Worker processes of one machine: each loads a model once; a worker that dies is replaced and its task tried again."""

import os
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Self

from bench.engine.stage import Stage

RETRIES = 2
"""Times that a task is tried again after its worker died: killed for memory, for instance."""


class Pool:
    """`workers` processes that share this machine's cores."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.running: dict[Future[str | None], Stage] = {}
        self.deaths: dict[str, int] = {}
        self.executor = self._executor()

    def _executor(self) -> ProcessPoolExecutor:
        threads = max(1, (os.cpu_count() or 1) // self.workers)
        return ProcessPoolExecutor(self.workers, get_context("spawn"), _begin, (threads,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """After Ctrl-C the workers, interrupted too, tidy up; a second Ctrl-C ends the waiting."""
        self.executor.shutdown(cancel_futures=True)

    @property
    def free(self) -> int:
        """How many more tasks can start now."""
        return self.workers - len(self.running)

    def start(self, task: Stage) -> None:
        """Give a task to a worker."""
        self.running[self.executor.submit(_work, task)] = task

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait for at least one task; each that ended, with its traceback where it failed."""
        done, _ = wait(self.running, return_when=FIRST_COMPLETED)
        for future in done:
            task = self.running.pop(future, None)
            if task is None:
                continue
            try:
                yield task, future.result()
            except BrokenProcessPool:
                yield from self._again(task)

    def _again(self, task: Stage) -> Iterator[tuple[Stage, str | None]]:
        """One dead worker breaks the whole executor: every task that it held starts again in a new one."""
        lost = [task, *self.running.values()]
        self.running.clear()
        self.executor = self._executor()
        for each in lost:
            name = each.identity
            self.deaths[name] = self.deaths.get(name, 0) + 1
            if self.deaths[name] > RETRIES:
                yield each, f"the worker died {self.deaths[name]} times, without a traceback"
            else:
                self.start(each)


def _begin(threads: int) -> None:
    os.environ["BENCH_THREADS"] = str(threads)


def _work(task: Stage) -> str | None:
    try:
        task.make()
    except Exception:
        return traceback.format_exc()
    return None
