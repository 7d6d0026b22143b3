"""Seconds to craft `em` on a few pictures, alone and beside a second process that does the same.

    python -m benchmarks.threads

With one thread a process, with one for each core, and with one for each core that waits as OpenMP's threads do unless
they are told otherwise: busily. The start of a process is not counted.
"""

import os
import subprocess
import sys

SPINS = "300000"
"""The number that the OpenMP of GCC takes for GOMP_SPINCOUNT unless it is set."""

WAYS = {
    "one thread": {"BENCH_THREADS": "1"},
    "a thread a core": {},
    "a thread a core, that waits busily": {"GOMP_SPINCOUNT": SPINS},
}

PATIENCE = 120
"""Seconds after which a process is ended."""

PROGRAM = """
import time
import numpy as np
import bench.lvlm.adapters
from bench.lvlm.catalog import load_once
from bench.play.small import VICTIM, few
from bench.progress import silent
from bench.runtime import prepare
from bench.spec import Budget, Method
from defenses import REGISTRY

prepare()
defense = REGISTRY.build(Method(name="em", options={"rounds": 2, "image_steps": 4}))
given = few(), [load_once(VICTIM)], Budget(), np.random.default_rng(0), silent
started = time.perf_counter()
defense.protect(*given)
print(time.perf_counter() - started)
"""


def measure(way: dict[str, str], processes: int) -> list[float | None]:
    """Return the seconds of each of some processes at once; None for one that was ended."""
    settings = {key: value for key, value in os.environ.items() if key not in ("BENCH_THREADS", "GOMP_SPINCOUNT")}
    command = [sys.executable, "-c", PROGRAM]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    started = [subprocess.Popen(command, env={**settings, **way}, **pipes) for _ in range(processes)]  # type: ignore[call-overload]
    return [_wait(process) for process in started]


def _wait(process: subprocess.Popen[str]) -> float | None:
    try:
        return float(process.communicate(timeout=PATIENCE)[0])
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None


def main() -> None:
    """Print a line for each way."""
    for name, way in WAYS.items():
        for processes in (1, 2):
            seconds = [f"{s:.1f} s" if s else f"more than {PATIENCE} s" for s in measure(way, processes)]
            print(f"{name}, {processes} at once: {', '.join(seconds)}", flush=True)


if __name__ == "__main__":
    main()
