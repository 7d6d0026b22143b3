"""Start a process in a sandbox, read what comes out of it, and end it."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TypeVar

from bench.errors import UserError
from bench.sandbox import container as containers
from bench.sandbox.command import View, build_command, find_program
from bench.sandbox.limits import Limits
from bench.sandbox.release import Ended, read_start, shorten
from bench.sandbox.watch import Container, Watch

Answer = TypeVar("Answer")

PROGRAM = (sys.executable, "-s", "-P", "-B", "-m", "bench.sandbox.worker")


def run(
    view: View, request: Path, limits: Limits, environment: dict[str, str], read: Callable[[IO[bytes]], Answer]
) -> Answer:
    """Return what `read` makes of the output of the worker with this request. Afterwards nothing of it runs.

    Raises UserError for what goes wrong inside, and where there is no sandbox.
    """
    program, label = find_program(), f"mmguard-bench-{secrets.token_hex(8)}"
    with TemporaryDirectory(prefix="bench-unsafe-") as folder:
        begin, outer, container = list[str](), {"PATH": os.defpath}, None
        if program is None:
            outer = {**environment, "HOME": folder, "TMPDIR": folder, "BENCH_HOME": f"{folder}/home"}
        elif program.name == "bubblewrap":
            begin = build_command(program.path, view, limits, environment)
        else:
            containers.make_image(program)
            outer, container = containers.client_environment(), Container(program, label)
            begin = containers.build_command(program, view, limits, environment, Path(folder), label)
        process = subprocess.Popen(
            [*begin, *PROGRAM, str(request)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=outer,
            cwd=folder,
            start_new_session=True,
        )
        assert process.stdout is not None
        started = False
        with process.stdout as output, Watch(process, limits, container) as watch:
            try:
                read_start(output)
                started = True
                return read(output)
            except Ended:
                code = process.wait()
        raise UserError(_explain(watch, code, started))


def _explain(watch: Watch, code: int, started: bool) -> str:
    """Return why a process ended before it had answered."""
    if watch.reason:
        return watch.reason
    last = shorten((watch.printed.decode(errors="replace").strip().splitlines() or [""])[-1])
    said = f", after it printed {last!r}" if last else ""
    if not started:
        return f"the sandbox cannot be started on this machine (code {code}{said})"
    name = f"signal {signal.Signals(128 - code if code > 128 else code).name}" if code < 0 else f"code {code}"
    return f"its process ended with {name} before there was a release{said}"
