"""The hardware that a number was computed on."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

from bench.store import nvml

CPUINFO = Path("/proc/cpuinfo")


def hardware() -> dict[str, Any]:
    """Return processor model, cores, memory in GB (1e9 bytes) and accelerator names (None where none is seen)."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(pages / 1e9, 1),
        "accelerators": _accelerators() or None,
    }


def _processor() -> str:
    lines = CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _accelerators() -> list[str]:
    """Return the names that the driver gives, else those of torch, which is not imported for this."""
    if names := nvml.device_names():
        return names
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
