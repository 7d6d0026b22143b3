"""Load a stranger's checkpoint in a limited process first, so that one that hangs or eats memory costs only itself.

The process loads it as any other, and computes one loss, its gradient and one short answer. It has
limits of time and memory that grow with the checkpoint; it sees no GPU and no hub. What it says is one line.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from bench import victims
from bench.errors import UserError
from bench.paths import home, write_atomic

VERDICT = "verdict: "
"""The beginning of the line that the process prints."""


class Limits(NamedTuple):
    """Seconds of time and bytes of address space that the process may use."""

    seconds: int
    memory: int


def choose_limits(folder: Path) -> Limits:
    """Return the limits for a checkpoint: two minutes and 16 GB, and more with the size of its weights.

    A library reserves several gigabytes of address space that it never uses; weights are there twice for a moment, and
    may be widened to float32.
    """
    size = sum(file.stat().st_size for file in victims.list_files(folder).values())
    return Limits(120 + size // 50_000_000, 16 * 10**9 + 5 * size)


def require_trial(name: str, folder: Path, limits: Limits | None = None) -> None:
    """Raise UserError with the reason of one line unless a checkpoint can be loaded and answers within the limits.

    A checkpoint that passed is remembered in the home folder by its revision, and not tried again.
    """
    versions = f"{version('transformers')}-{version('torch')}"
    revision = victims.revision(name)
    passed = home() / "revisions" / f"{revision}-{victims.precision(name)}-{versions}.passed"
    if passed.exists():
        return
    reason = _run(name, folder, limits or choose_limits(folder))
    if reason:
        raise UserError(reason)
    try:
        write_atomic(passed, "")
    except OSError:
        return  # a home that cannot be written to remembers nothing


def _run(name: str, folder: Path, limits: Limits) -> str:
    """Return why a checkpoint did not pass, in one line; empty for one that did."""
    command = [sys.executable, "-m", "bench.lvlm.trial", name, str(folder), *map(str, limits)]
    hidden = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "BENCH_DEVICE": "cpu"}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        errors="replace", env={**os.environ, **hidden, "PYTHONPATH": os.pathsep.join(sys.path)}, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        return f"victim: {name!r} did not load and answer within {limits.seconds} s; allowed: a checkpoint that does"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    lines = [line for line in output.splitlines() if line.startswith(VERDICT)]
    if process.returncode == 0 and lines:
        return str(json.loads(lines[-1].removeprefix(VERDICT)))
    return (
        f"victim: {name!r} ended the process that loaded it (code {process.returncode}); allowed: a checkpoint that "
        f"loads and answers within {limits.seconds} s and {limits.memory / 1e9:.0f} GB"
    )


def exercise(name: str, folder: Path) -> None:
    """Load a checkpoint, and compute a loss, its gradient and an answer; raises UserError where one is not to be had.

    This is what the limited process does.
    """
    from bench.lvlm.checkpoint import open_checkpoint, refuse_failures

    lvlm = open_checkpoint(name, folder)
    with refuse_failures(name):
        import numpy as np
        import torch

        from bench.lvlm.text import Prompt

        levels = torch.full((3, 48, 64), 128.0, requires_grad=True)
        encoded = lvlm.encode([Prompt("What is this?", "a cat")], lvlm.layouts([levels]))
        loss = lvlm.loss(encoded, [levels])
        (gradient,) = torch.autograd.grad(loss.sum(), levels)
        if not (loss.isfinite().all() and gradient.isfinite().all()):
            raise UserError(f"victim: {name!r} computes no finite loss; allowed: a checkpoint that works")
        lvlm.generate(["What is this?"], [np.full((48, 64, 3), 128, np.uint8)], max_new_tokens=2)


def main(name: str, folder: str, seconds: str, memory: str) -> None:
    """Set the limits of this process, try a checkpoint, and print the verdict."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) * (os.cpu_count() or 1), resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), resource.RLIM_INFINITY))
    from bench.garbage import collect_seldom
    from bench.quiet import quiet

    quiet()
    collect_seldom()
    from bench.runtime import prepare

    prepare()
    reason = ""
    try:
        exercise(name, Path(folder))
    except UserError as error:
        reason = str(error)
    print(VERDICT + json.dumps(reason), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
