"""Watch a process and all that it has started: time, memory, number, and what it prints. One too much, and all end."""

import os
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from bench.sandbox.command import Program
from bench.sandbox.container import end, find_first
from bench.sandbox.limits import Limits

PAUSE = 0.1
"""Seconds between two looks."""

KEPT = 4096
"""Bytes of what was printed last, which are kept."""

PAGE = os.sysconf("SC_PAGE_SIZE")


class Container(NamedTuple):
    """A container by its program and its name."""

    program: Program
    label: str


class Watch:
    """A watch over a process of its own session. `reason`: the limit that it went over, if it did.

    It is a context: at its end nothing of the process runs any more.
    """

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits, container: Container | None = None) -> None:
        self.process, self.limits, self.container = process, limits, container
        self.first: int | None = None
        self.reason = ""
        self.printed = b""
        self.over = threading.Event()
        self.threads = [threading.Thread(target=task, daemon=True) for task in (self._look, self._drain)]

    def __enter__(self) -> "Watch":
        """Start to watch."""
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every process, and the watch."""
        self.over.set()
        self._kill()
        self.process.wait()
        for thread in self.threads:
            thread.join()

    def _look(self) -> None:
        end = time.monotonic() + self.limits.seconds
        while not self.over.wait(PAUSE):
            reason = f"it ran for more than {self.limits.seconds} s" if time.monotonic() > end else self._measure()
            if reason:
                self._stop(reason)
                return

    def _measure(self) -> str:
        """Return the limit that the processes are over, if any."""
        pids = self._list()
        if len(pids) > self.limits.processes:
            return f"it started more than {self.limits.processes} processes"
        if sum(map(_own_memory, pids)) > self.limits.memory:
            return f"it used more than {self.limits.memory // 2**20} MB of memory"
        names = max((_count_names(pid) for pid in pids[-1:]), default=0)
        if names > self.limits.names:
            return f"it wrote more than {self.limits.names} files"
        return ""

    def _list(self) -> list[int]:
        """Return the processes that are measured. Those of a container are no descendants of the one that starts it."""
        if self.container is None:
            return list(descendants(self.process.pid))
        self.first = self.first or find_first(*self.container)
        return [] if self.first is None else [*descendants(self.first), self.first]

    def _drain(self) -> None:
        """Read what the process prints, so that it never waits, and keep the end of it."""
        stream, total = self.process.stderr, 0
        assert stream is not None
        while block := _read(stream):
            total += len(block)
            self.printed = (self.printed + block)[-KEPT:]
            if total > self.limits.output:
                self._stop(f"it printed more than {self.limits.output // 2**20} MB")

    def _stop(self, reason: str) -> None:
        self.reason = self.reason or f"{reason}, the limit"
        self._kill()

    def _kill(self) -> None:
        """Kill the session. In a sandbox, the end of the first process is the end of all."""
        if self.container is not None:
            end(*self.container)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _read(stream: IO[bytes]) -> bytes:
    return os.read(stream.fileno(), 2**16)


def descendants(process: int) -> Iterator[int]:
    """Yield every process that this one has started, and those that they have started, youngest branches last."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it has ended
                continue
            children[int(stat.rpartition(")")[2].split()[1])].append(int(folder.name))
    waiting = [process]
    while waiting:
        found = children[waiting.pop()]
        yield from found
        waiting += found


def _own_memory(process: int) -> int:
    """Return the bytes of memory that a process has to itself; 0 for one that has ended."""
    try:
        _, resident, shared, *_ = (Path("/proc") / str(process) / "statm").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * PAGE


def _count_names(process: int) -> int:
    """Return the files and folders of a sandbox's private folder, from outside."""
    try:
        usage = os.statvfs(Path("/proc", str(process), "root", "tmp"))
    except OSError:
        return 0
    return usage.f_files - usage.f_ffree
