"""SIGKILL at random moments, locally and on Ray: no finished stage is lost, computed again or half-written."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bench.store import artifacts
from tests.e2e import toy_suite
from tests.e2e.processes import ROOT, environment, until

KILLS = 40
STAGES = 29
pytestmark = pytest.mark.slow


def driver(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a process that plays the suite in the current home, in a process group of its own."""
    command = [sys.executable, "-m", "tests.e2e.toy_suite", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def play(*arguments: str) -> None:
    assert driver(*arguments).wait(120) == 0


def started(home: Path) -> Counter[str]:
    """Return how often the computation of each stage began."""
    log = home / "started.log"
    return Counter(log.read_text().splitlines() if log.exists() else [])


def finished(home: Path) -> set[str]:
    """Return the names of the finished stages, after checking every byte of their artefacts."""
    names = set()
    for kind, identity in artifacts.list_finished():
        artifact = artifacts.find(kind, identity)
        assert artifact is not None, "a finished artefact is broken"
        names.add(artifact.manifest["payload"]["name"])
    return names


def files(home: Path) -> dict[str, str]:
    """Return the SHA-256 of every artefact file by its path; of manifests without the cost and the seal."""
    digests = {}
    for file in sorted((home / "artifacts").rglob("*")):
        data = file.read_bytes() if file.is_file() else b""
        if file.name == "manifest.json":
            data = json.dumps({**json.loads(data), "cost": None, "seal": None}, sort_keys=True).encode()
        digests[str(file.relative_to(home))] = hashlib.sha256(data).hexdigest()
    return digests


@contextmanager
def watched(home: Path) -> Iterator[None]:
    """Check throughout that every artefact with its final name has a manifest."""
    stop, wrong = threading.Event(), []

    def watch() -> None:
        while not stop.wait(0.01):
            wrong.extend(f for f in home.glob("artifacts/*/[!.]*") if not (f / "manifest.json").exists())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not wrong


def play_with_kills(
    home: Path, moments: random.Random, kills: int, workers: Callable[[int], list[psutil.Process]], *arguments: str
) -> int:
    """Play a suite to its end while killing its processes at most `kills` times. Return the number of kills.

    One kill in four ends the driver with all that it started, the others a single worker.
    """
    count, due, seen = 0, Counter[str](), set[str]()
    process = driver(*arguments)
    while True:
        while count < kills and (busy := _busy(home, moments, process, workers)):
            done, count = finished(home), count + 1
            # No stage is computed twice at once, so a stage that is finished now must not start again.
            due.update({name: started(home)[name] for name in done - seen})
            seen |= done
            if moments.random() < 0.25:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                psutil.wait_procs(busy, timeout=60)
                process = driver(*arguments)
            else:
                moments.choice(busy).kill()
        if process.wait(120) == 0:
            again = {name: n for name, n in started(home).items() if name in seen and n > due[name]}
            assert not again, "what was finished is computed again"
            return count
        process = driver(*arguments)


def _busy(
    home: Path, moments: random.Random, process: subprocess.Popen[bytes], workers: Callable[[int], list[psutil.Process]]
) -> list[psutil.Process]:
    """Return the workers a moment after another stage began; none where the driver ended before."""
    while process.poll() is None:
        until(_more_than(started(home).total(), home, process))
        time.sleep(moments.uniform(0, 0.06))
        if process.poll() is None and (pids := workers(process.pid)):
            return pids
    return []


def _more_than(begun: int, home: Path, process: subprocess.Popen[bytes]) -> Callable[[], bool]:
    return lambda: started(home).total() > begun or process.poll() is not None


def local_workers(driver: int) -> list[psutil.Process]:
    """Return the worker processes of a local driver."""
    return [p for p in _processes("spawn_main") if p.info["ppid"] == driver]


def ray_workers(driver: int) -> list[psutil.Process]:
    """Return the worker processes of the cluster that compute a stage."""
    return _processes("ray::attempt")


def _processes(word: str) -> list[psutil.Process]:
    """Return the processes whose command has the word. A process that is just ending has no command."""
    return [p for p in psutil.process_iter(["cmdline", "ppid"]) if word in " ".join(p.info["cmdline"] or ())]


def kill_again_and_again(
    fresh: Callable[[str], Path], workers: Callable[[int], list[psutil.Process]], *arguments: str
) -> None:
    whole = fresh("whole")
    play("local", "1")
    unbroken, table = files(whole), toy_suite.results_table()
    assert table.count("\n") == 5
    moments, kills, lives = random.Random(0), 0, 0
    while kills < KILLS:
        lives += 1
        home = fresh(f"life{lives}")
        with watched(home):
            kills += play_with_kills(home, moments, KILLS - kills, workers, *arguments)
        assert toy_suite.results_table() == table
        assert files(home) == unbroken
    print(f"{kills} kills in {lives} suites")


def test_40_kills_on_this_machine(fresh: Callable[[str], Path]) -> None:
    kill_again_and_again(fresh, local_workers, "local", "2")


def test_40_kills_on_ray(fresh: Callable[[str], Path], cluster: str) -> None:
    kill_again_and_again(fresh, ray_workers, "ray", "2", cluster)


def test_two_workers_here_or_on_ray_make_the_same_bytes_as_one(fresh: Callable[[str], Path], cluster: str) -> None:
    homes, tables = [], []
    for name, arguments in (("one", ["local", "1"]), ("two", ["local", "2"]), ("ray", ["ray", "2", cluster])):
        home = fresh(name)
        play(*arguments)
        assert set(started(home).values()) == {1} and len(started(home)) == STAGES
        homes.append(files(home))
        tables.append(toy_suite.results_table())
    assert homes[0] == homes[1] == homes[2]
    assert tables[0] == tables[1] == tables[2]
