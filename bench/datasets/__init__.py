"""Data sets by name. A data set is a module with `load(split)`; splits are train, validation and test."""

import importlib
from functools import cache
from typing import TYPE_CHECKING

from bench.datasets.cards import EMBEDDED
from bench.errors import unknown
from bench.published import DATASETS

if TYPE_CHECKING:
    from bench.samples import SampleSet


def check(name: str) -> None:
    """Raises UserError for an unknown data set, suggesting the nearest name."""
    if name not in EMBEDDED and name not in DATASETS:
        raise unknown("dataset", name, EMBEDDED)


@cache
def load(name: str, split: str) -> "SampleSet":
    """The samples of one split."""
    check(name)
    return importlib.import_module(EMBEDDED[name].module).load(split)
