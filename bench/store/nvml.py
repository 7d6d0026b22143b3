"""NVIDIA's management library, where the package nvidia-ml-py and a driver are there."""

from functools import cache
from importlib import import_module
from typing import Any


@cache
def _devices() -> tuple[Any, list[Any]]:
    """The library and its devices; no devices where it cannot be used."""
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


def names() -> list[str]:
    """The accelerators' names."""
    library, devices = _devices()
    return [library.nvmlDeviceGetName(device) for device in devices]


def joules() -> float | None:
    """What all accelerators have used since their driver was loaded; None where they do not count it."""
    library, devices = _devices()
    if not devices:
        return None
    try:
        return sum(library.nvmlDeviceGetTotalEnergyConsumption(device) for device in devices) / 1000
    except library.NVMLError:
        return None
