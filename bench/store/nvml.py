"""NVIDIA's management library (NVML), where the package nvidia-ml-py and a driver are installed."""

from functools import cache
from importlib import import_module
from typing import Any


@cache
def _devices() -> tuple[Any, list[Any]]:
    """Return the library and its devices; no devices where the library cannot be used."""
    try:
        library = import_module("pynvml")
    except ImportError:
        return None, []
    try:
        library.nvmlInit()
        count = library.nvmlDeviceGetCount()
        return library, [library.nvmlDeviceGetHandleByIndex(number) for number in range(count)]
    except library.NVMLError:
        return library, []


def device_names() -> list[str]:
    """Return the names of the accelerators."""
    library, devices = _devices()
    return [library.nvmlDeviceGetName(device) for device in devices]


def read_joules() -> float | None:
    """Return the joules of all accelerators since their driver was loaded; None where they are not counted."""
    library, devices = _devices()
    if not devices:
        return None
    try:
        millijoules: int = sum(library.nvmlDeviceGetTotalEnergyConsumption(device) for device in devices)
        return millijoules / 1000
    except library.NVMLError:
        return None
