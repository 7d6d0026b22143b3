"""The CUDA devices and cores of this machine, found without importing torch."""

import os
import shutil
import subprocess

from bench.threads import read_threads


def devices() -> list[str]:
    """Return the names that `CUDA_VISIBLE_DEVICES` may hold here, one for each device that a worker may have.

    The list is empty on a machine without devices, and where `BENCH_DEVICE` is `cpu` (no model on a device) or `auto`
    (one model spread over all devices).
    """
    if os.environ.get("BENCH_DEVICE") in ("cpu", "auto"):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in (part.strip() for part in visible.split(",")) if name not in ("", "-1")]
    return _query("uuid")


def device_gigabytes() -> list[float]:
    """Return the memory of each CUDA device of this machine, visible or not, as its driver states it."""
    return [int(mebibytes) * 2**20 / 1e9 for mebibytes in _query("memory.total") if mebibytes.isdigit()]


def _query(field: str) -> list[str]:
    """Return a field of each device from the driver's own program; empty where there is none, or it fails."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.split() if answer.returncode == 0 else []


def cores() -> int:
    """Return the number of cores that may be used: `BENCH_THREADS`, or all."""
    return read_threads()
