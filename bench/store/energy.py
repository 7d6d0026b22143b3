"""Energy used over a stretch of time, where the machine counts it: processors by Linux RAPL, accelerators by NVML."""

from functools import cache
from pathlib import Path
from threading import Lock, Thread
from time import sleep

from bench.store import nvml

POWERCAP = Path("/sys/class/powercap")
INTERVAL = 20.0
"""Seconds between two readings of RAPL. Its counters wrap to zero, within minutes on the largest machines."""


class Meter:
    """Measures the energy of the whole machine from its creation on. Other work on the machine is included.

    >>> sorted(Meter().read_joules())
    ['accelerator_joules', 'processor_joules']
    """

    def __init__(self) -> None:
        self._start = _read_counters()

    def read_joules(self) -> dict[str, float | None]:
        """Return `processor_joules` (without memory) and `accelerator_joules`; None where nothing counts them."""
        return {name: _difference(self._start[name], now) for name, now in _read_counters().items()}


def _difference(start: float | None, now: float | None) -> float | None:
    return None if start is None or now is None else round(now - start, 1)


def _read_counters() -> dict[str, float | None]:
    rapl = _open_rapl()
    return {"processor_joules": rapl.read_joules() if rapl else None, "accelerator_joules": nvml.read_joules()}


class _Rapl:
    """The sum over the processor packages. A thread reads it often enough to notice every wrap to zero."""

    def __init__(self, packages: list[Path]) -> None:
        self._files = [package / "energy_uj" for package in packages]
        self._ranges = [int((package / "max_energy_range_uj").read_text()) + 1 for package in packages]
        self._last = self._read()
        self._total = 0
        self._lock = Lock()
        Thread(target=self._watch, name="rapl", daemon=True).start()

    def read_joules(self) -> float:
        """Return the joules since this object was made."""
        with self._lock:
            now = self._read()
            steps = zip(now, self._last, self._ranges, strict=True)
            self._total += sum((value - last) % wrap for value, last, wrap in steps)
            self._last = now
            return self._total / 1e6

    def _read(self) -> list[int]:
        return [int(file.read_text()) for file in self._files]

    def _watch(self) -> None:
        while True:
            sleep(INTERVAL)
            self.read_joules()


@cache
def _open_rapl() -> _Rapl | None:
    """Return the counters of this machine, or None where there are none or only root may read them."""
    names = POWERCAP.glob("intel-rapl:*/name")  # AMD's too; a package's parts, which it includes, have other names
    packages = [name.parent for name in names if name.read_text().startswith("package")]
    try:
        return _Rapl(packages) if packages else None
    except PermissionError:
        return None
