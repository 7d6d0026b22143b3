"""The local engine: one process for each device. A model is loaded once a process; a process that dies is replaced."""

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

from bench.engine.affinity import assign
from bench.engine.attempt import Deaths, attempt
from bench.engine.devices import cores, devices
from bench.garbage import collect_seldom
from bench.quiet import quiet
from bench.stages.stage import Stage

SPAWN = get_context("spawn")


class Worker:
    """One process, started again where it died. `stage`: what it works on. `loaded`: the models that it holds."""

    def __init__(self, threads: int, device: str | None) -> None:
        self.threads, self.device = threads, device
        self.stage: Stage | None = None
        self.loaded: set[str] = set()
        self.start()

    def start(self) -> None:
        """Start the process, with nothing loaded."""
        self.loaded.clear()
        self.pipe, far_end = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(far_end, self.threads, self.device))
        self.process.start()
        # Now the worker alone holds the far end, so that its death closes the pipe.
        far_end.close()

    def send(self, stage: Stage) -> None:
        """Hand a stage to the process."""
        if not self.process.is_alive():
            self.start()
        self.stage = stage
        self.loaded.update(stage.models)
        try:
            self.pipe.send(stage)
        except BrokenPipeError:
            self.process.join()  # The process has just died. `receive` will find the pipe closed and say so.

    def receive(self) -> str | None:
        """Return the traceback of the stage that ended, or None. Raises EOFError where the process died over it."""
        self.stage = None
        try:
            failure: str | None = self.pipe.recv()
        except ConnectionResetError:
            raise EOFError from None
        return failure


class Pool:
    """`workers` processes that share the cores and devices of this machine: one a device by default, or one in all."""

    def __init__(self, workers: int | None = None) -> None:
        self.devices = devices()
        self.size = workers or max(1, len(self.devices))
        self.workers: list[Worker] = []
        self.deaths = Deaths()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """Ask the workers to tidy up and end. A second Ctrl-C meanwhile ends them at once."""
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
        """Hand stages to idle workers, and return those stages."""
        idle = [worker for worker in self.workers if worker.stage is None]
        while len(idle) < len(ready) and len(self.workers) < self.size:
            idle.append(self._add_worker())
        pairs = assign([worker.loaded for worker in idle], ready)
        for number, stage in pairs:
            idle[number].send(stage)
        return [stage for _, stage in pairs]

    def _add_worker(self) -> Worker:
        device = self.devices[len(self.workers) % len(self.devices)] if self.devices else None
        self.workers.append(Worker(max(1, cores() // self.size), device))
        return self.workers[-1]

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait until at least one stage ends. Yield each that ended, with its traceback where it failed."""
        busy = {worker.pipe: (worker, worker.stage) for worker in self.workers if worker.stage is not None}
        for pipe in wait(busy):
            worker, stage = busy[pipe]  # type: ignore[index]
            try:
                yield stage, worker.receive()
            except EOFError:
                worker.process.join()
                if (error := self.deaths.count(stage)) is not None:
                    yield stage, error
                else:
                    worker.send(stage)


def _serve(pipe: Connection, threads: int, device: str | None) -> None:
    """Make the stages that come through the pipe, until it is closed or the parent process is gone."""
    # Ctrl-C reaches every process of the group; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quiet()
    collect_seldom()
    os.environ["BENCH_THREADS"] = str(threads)
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    while True:
        try:
            stage = pipe.recv()
        except EOFError:
            return
        except Exception:
            pipe.send(traceback.format_exc())
        else:
            pipe.send(attempt(stage))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
