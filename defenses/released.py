"""A release that was made elsewhere, handed out as it is. It computes nothing, and is audited as all others are."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from numpy.random import Generator

from bench.lvlm.base import LVLM
from bench.progress import Progress
from bench.samples import SampleSet
from bench.spec import Budget
from defenses.base import Card, Defense, Protected


class Released(Defense):
    """The samples of a folder that `SampleSet.save` could have written."""

    card = Card(
        paper="stated by those who sent it",
        needs="nothing here",
        touches="whatever it touches, within the budget",
        adaptation="none",
        validation="the audit alone",
    )
    depends = frozenset()
    folder: ClassVar[Path]

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Return the release. Raises UserError for one with unreadable pictures."""
        return Protected(SampleSet.load(self.folder))


def from_folder(folder: Path) -> type[Defense]:
    """Return the defense that hands out the release in a folder."""
    return type("Released", (Released,), {"folder": folder})
