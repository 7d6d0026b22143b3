"""A stage before it is computed: what names its artefact, what it stands on, and the work that fills it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.paths import home
from bench.spec import identity
from bench.store.artifacts import Artifact, find, make

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a short note."""

Work = Callable[[Path, Progress], dict[str, float] | None]
"""Fills a folder; may give costs of its own (numbers)."""


def silent(fraction: float, note: str) -> None:
    """Progress that shows nothing."""


@dataclass(frozen=True)
class Stage:
    """A pure function of its payload: everything that can change the outcome is in it, and nothing else.

    `work` is picklable, so that any process can make the stage. `models` are the checkpoints that it loads; an engine
    orders stages by them.
    """

    kind: str
    title: str
    payload: dict[str, Any]
    work: Work = field(repr=False)
    needs: tuple["Stage", ...] = ()
    models: tuple[str, ...] = ()

    @cached_property
    def identity(self) -> str:
        """The artefact's name: known before anything is computed."""
        return identity(self.payload)

    @cached_property
    def depth(self) -> int:
        """How many stages it stands on, one on the other."""
        return 1 + max((need.depth for need in self.needs), default=0)

    @property
    def folder(self) -> Path:
        """Where the artefact is, once it is made."""
        return home() / "artifacts" / self.kind / self.identity

    def find(self) -> Artifact | None:
        """The artefact, if it is finished."""
        return find(self.kind, self.identity)

    def make(self, progress: Progress = silent) -> Artifact:
        """The artefact; what it needs is made first, and nothing that is finished is computed again."""
        if (found := self.find()) is not None:
            return found
        for need in self.needs:
            need.make()
        return make(self.kind, self.payload, lambda folder: self.work(folder, progress))
