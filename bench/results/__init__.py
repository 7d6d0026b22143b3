"""Results: one row for each run, in SQL or as published files, with the answers behind its scores.

The room is also the function `results` of `bench.api`: `from bench import results` gives one object for both.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from bench.results.rows import Run, find, load, save

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Run", "find", "load", "save"]


class _Room(ModuleType):
    """A module that can be called."""

    def __call__(self, *, published: bool = False) -> "pd.DataFrame":
        """Return the runs as a DataFrame: see `bench.api.results`."""
        frame: pd.DataFrame = import_module("bench.api").results(published=published)
        return frame


sys.modules[__name__].__class__ = _Room
