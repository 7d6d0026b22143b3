"""Energy of a stretch of time, where the machine counts it: processors by Linux RAPL, accelerators by NVML."""

from functools import cache
from pathlib import Path
from threading import Lock, Thread
from time import sleep

from bench.store import nvml

POWERCAP = Path("/sys/class/powercap")
INTERVAL = 20.0
"""Seconds between two looks at RAPL: its counters start again from zero, on the largest machines within minutes."""


class Meter:
    """Counts from when it is made. It counts the whole machine: work that runs beside a stage counts with it."""

    def __init__(self) -> None:
        self._start = _counters()

    def joules(self) -> dict[str, float | None]:
        """`processor_joules` (without memory) and `accelerator_joules` so far; None where nothing counts them."""
        return {name: _since(self._start[name], now) for name, now in _counters().items()}


def _since(start: float | None, now: float | None) -> float | None:
    return None if start is None or now is None else round(now - start, 1)


def _counters() -> dict[str, float | None]:
    rapl = _rapl()
    return {"processor_joules": rapl.joules() if rapl else None, "accelerator_joules": nvml.joules()}


class _Rapl:
    """The sum of the processor packages, read often enough to see every new start from zero."""

    def __init__(self, packages: list[Path]) -> None:
        self._files = [package / "energy_uj" for package in packages]
        self._range = [int((package / "max_energy_range_uj").read_text()) + 1 for package in packages]
        self._last = self._read()
        self._total = 0
        self._lock = Lock()
        Thread(target=self._watch, name="rapl", daemon=True).start()

    def joules(self) -> float:
        """Since this was made."""
        with self._lock:
            now = self._read()
            self._total += sum((n - last) % full for n, last, full in zip(now, self._last, self._range, strict=True))
            self._last = now
            return self._total / 1e6

    def _read(self) -> list[int]:
        return [int(file.read_text()) for file in self._files]

    def _watch(self) -> None:
        while True:
            sleep(INTERVAL)
            self.joules()


@cache
def _rapl() -> _Rapl | None:
    """None where there is none, or only root may read it."""
    names = POWERCAP.glob("intel-rapl:*/name")  # AMD's too; a package's parts, which it includes, have other names
    packages = [name.parent for name in names if name.read_text().startswith("package")]
    try:
        return _Rapl(packages) if packages else None
    except PermissionError:
        return None
