"""Data sets by name. An embedded one is a module with `load(split)`; splits are train, validation and test."""

import importlib
from functools import cache
from typing import TYPE_CHECKING

from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import unknown_name

if TYPE_CHECKING:
    from bench.samples import SampleSet


def check(name: str) -> None:
    """Raise UserError for an unknown data set, suggesting the nearest name."""
    from bench.datasets import own  # here, because it brings SciPy, which reading a card does not need

    if own.is_own(name):
        own.check_imported(name)
    elif name not in EMBEDDED and name not in HUB:
        raise unknown_name("dataset", name, [*EMBEDDED, *HUB])


@cache
def load(name: str, split: str) -> "SampleSet":
    """Return the samples of one split. Raises UserError for an unknown name, or a hub data set that is not prepared.

    >>> len(load("emoji_smoke", "train"))
    96
    """
    from bench.datasets import hub_store, own

    check(name)
    if own.is_own(name):
        return own.load_split(name, split)
    if name in HUB:
        return hub_store.load_split(name, split)
    samples: SampleSet = importlib.import_module(EMBEDDED[name].module).load(split)
    return samples
