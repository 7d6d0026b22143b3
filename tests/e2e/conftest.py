"""Fixtures: a Ray cluster on this machine, and homes for the toy suite."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e import toy_suite
from tests.e2e.processes import ROOT, environment, is_listening, until


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """Start a Ray cluster of two cores for these tests, and yield its address."""
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray = Path(sys.executable).with_name("ray")
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        head = ["start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2"]
        small = ["--object-store-memory=80000000", "--include-dashboard=false", f"--temp-dir={folder}"]
        command = [ray, *head, *small]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)
        try:
            until(lambda: is_listening(port))
            yield f"127.0.0.1:{port}"
        finally:
            left = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            process.wait(30)
            psutil.wait_procs(left, timeout=10)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that creates an empty home for the toy suite and makes it the current one."""

    def make(name: str, place: Path = tmp_path) -> Path:
        monkeypatch.setenv("BENCH_HOME", str(place / name))
        toy_suite.prepare()
        return place / name

    return make
