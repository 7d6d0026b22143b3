"""Data sets by name. A data set is a module with `load(split)`; splits are train, validation and test."""

import importlib
from functools import cache
from typing import TYPE_CHECKING

from bench.datasets import own, prepared
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import unknown

if TYPE_CHECKING:
    from bench.samples import SampleSet


def check(name: str) -> None:
    """Raises UserError for an unknown data set, suggesting the nearest name."""
    if own.is_own(name):
        own.check(name)
    elif name not in EMBEDDED and name not in HUB:
        raise unknown("dataset", name, [*EMBEDDED, *HUB])


@cache
def load(name: str, split: str) -> "SampleSet":
    """The samples of one split. Raises UserError for a data set of the hub that is not prepared."""
    check(name)
    if own.is_own(name):
        return own.load(name, split)
    if name in HUB:
        return prepared.load(name, split)
    return importlib.import_module(EMBEDDED[name].module).load(split)
