"""The local engine: one process a device, each loads a model once; one that dies is replaced, its task done again."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

from bench.engine.affinity import pairs
from bench.engine.attempt import Deaths, attempt
from bench.engine.devices import cores, devices
from bench.quiet import quiet
from bench.stages.stage import Stage

SPAWN = get_context("spawn")


class Worker:
    """One process, started when it first gets a task, and again after it died. `loaded`: models that it holds."""

    def __init__(self, threads: int, device: str | None) -> None:
        self.threads, self.device = threads, device
        self.task: Stage | None = None
        self.loaded: set[str] = set()
        self.start()

    def start(self) -> None:
        """Begin, or begin anew with nothing loaded."""
        self.loaded.clear()
        self.pipe, far = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(far, self.threads, self.device))
        self.process.start()
        # With the other end in the worker's hands alone, its death is the end of the pipe.
        far.close()

    def give(self, task: Stage) -> None:
        """Have a task done."""
        if not self.process.is_alive():
            self.start()
        self.task = task
        self.loaded.update(task.models)
        try:
            self.pipe.send(task)
        except BrokenPipeError:
            self.process.join()  # it died just now; the end of its pipe tells so to who waits for the task

    def take(self) -> str | None:
        """The traceback of the task that ended, or None. Raises EOFError where the worker died over it."""
        self.task = None
        try:
            return self.pipe.recv()
        except ConnectionResetError:
            raise EOFError from None


class Pool:
    """`workers` processes share this machine's cores and devices: as many as devices by default, or one."""

    def __init__(self, workers: int | None = None) -> None:
        self.places = devices()
        self.size = workers or max(1, len(self.places))
        self.workers: list[Worker] = []
        self.deaths = Deaths()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """The workers are told to tidy up and end; a second Ctrl-C, while they do, ends them at once."""
        for worker in self.workers:
            worker.process.terminate()
        try:
            for worker in self.workers:
                worker.process.join()
        except KeyboardInterrupt:
            for worker in self.workers:
                worker.process.kill()
            raise
        self.workers.clear()

    def start(self, ready: Sequence[Stage]) -> list[Stage]:
        """Give tasks to idle workers."""
        idle = [worker for worker in self.workers if worker.task is None]
        while len(idle) < len(ready) and len(self.workers) < self.size:
            idle.append(self._hire())
        chosen = pairs([worker.loaded for worker in idle], ready)
        for place, task in chosen:
            idle[place].give(task)
        return [task for _, task in chosen]

    def _hire(self) -> Worker:
        device = self.places[len(self.workers) % len(self.places)] if self.places else None
        self.workers.append(Worker(max(1, cores() // self.size), device))
        return self.workers[-1]

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait for at least one task to end."""
        busy = {worker.pipe: (worker, worker.task) for worker in self.workers if worker.task is not None}
        for pipe in wait(busy):
            worker, task = busy[pipe]  # type: ignore[index]
            try:
                yield task, worker.take()
            except EOFError:
                worker.process.join()
                if (error := self.deaths.final(task)) is not None:
                    yield task, error
                else:
                    worker.give(task)


def _serve(pipe: Connection, threads: int, device: str | None) -> None:
    """What a worker does: tasks, until it is told to end or nobody is there to tell."""
    # Ctrl-C reaches the whole group; who waits for the workers decides what becomes of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quiet()
    os.environ["BENCH_THREADS"] = str(threads)
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        except Exception:
            pipe.send(traceback.format_exc())
        else:
            pipe.send(attempt(task))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
