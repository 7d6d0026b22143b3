"""Have the garbage collector of Python run seldom, in the processes of the command line.

Importing torch and its libraries makes a million objects that stay until the end. To look through them again and again
takes half a second of four, and at the end more than a second for nothing (`python -m benchmarks.startup`).
"""

import atexit
import gc

THRESHOLDS = 50_000, 20, 100
"""New objects before the youngest are looked through, and rounds of each age before the next older are."""


def collect_seldom() -> None:
    """Set the thresholds, and look through nothing when the process ends. Call this before torch is imported."""
    gc.set_threshold(*THRESHOLDS)
    atexit.register(gc.freeze)
