"""The CUDA devices of this machine, without importing torch."""

import os
import shutil
import subprocess


def devices() -> list[str]:
    """What `CUDA_VISIBLE_DEVICES` may name here, one entry a device that a worker has to itself.

    Nothing on a machine without any, nor where `BENCH_DEVICE` keeps models off them or spreads one over all.
    """
    if os.environ.get("BENCH_DEVICE") in ("cpu", "auto"):
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in (part.strip() for part in named.split(",")) if name not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False)
    return listed.stdout.split() if listed.returncode == 0 else []


def cores() -> int:
    """How many cores may be used: `BENCH_THREADS`, or all."""
    return int(os.environ.get("BENCH_THREADS", os.cpu_count() or 1))
