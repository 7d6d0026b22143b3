"""The newest value of a slow reading, shared by all visitors: while a newer one is read, the last one is returned."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that a visitor waits for a newer value where there is an older one."""


class _Reading(NamedTuple):
    """A reading that was begun, the state of what is read, and the value before it."""

    state: tuple[object, ...]
    newer: "Future[Any]"
    older: Any


_pool = ThreadPoolExecutor(1, "reading")
_lock = Lock()
_readings: dict[str, _Reading] = {}


def read(name: str, state: tuple[object, ...], load: Callable[[], T]) -> T:
    """Return what `load` makes of a source with this name and state; raises what `load` raises.

    It is loaded once for each state. The first visitor waits for it; while a newer one is loaded for longer than
    `PATIENCE`, the one before is returned.
    """
    with _lock:
        reading = _readings.get(name)
        if reading is None or (reading.state != state and reading.newer.done()):
            reading = _Reading(state, _pool.submit(load), _value(reading))
            _readings[name] = reading
    try:
        value: T = reading.newer.result(None if reading.older is None else PATIENCE)
        return value
    except TimeoutError:
        older: T = reading.older
        return older
    except Exception:
        with _lock:
            _readings.pop(name, None)
        raise


def _value(reading: _Reading | None) -> Any:
    return reading.newer.result() if reading and not reading.newer.exception() else None
