"""A stage before it is computed: what names its artefact, the stages that it needs, and its work."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.paths import home
from bench.progress import Progress, silent
from bench.results import retention
from bench.spec import PROTOCOL, identity
from bench.store import artifacts
from bench.store.artifacts import Artifact

Work = Callable[[Path, Progress], dict[str, float] | None]
"""Fills a folder. It may return costs of its own (numbers)."""


@dataclass(frozen=True)
class Stage:
    """A pure function of its payload: everything that can change the result is in the payload, and nothing else.

    `work` can be pickled, so that any process can make the stage. `models` are the checkpoints that the work loads; an
    engine orders stages by them.
    """

    kind: str
    title: str
    payload: dict[str, Any]
    work: Work = field(repr=False)
    needs: tuple["Stage", ...] = ()
    models: tuple[str, ...] = ()

    @cached_property
    def identity(self) -> str:
        """The name of the artefact, known before anything is computed."""
        return identity(self.payload)

    @cached_property
    def depth(self) -> int:
        """The length of the longest chain of stages that ends here."""
        return 1 + max((need.depth for need in self.needs), default=0)

    @property
    def folder(self) -> Path:
        """The folder of the artefact once it is made."""
        return home() / "artifacts" / self.kind / self.identity

    def find(self) -> Artifact | None:
        """Return the artefact if it is finished."""
        return artifacts.find(self.kind, self.identity)

    def make(self, progress: Progress = silent) -> Artifact:
        """Return the artefact, after making it and what it needs. Nothing that is finished is computed again.

        Then the home is trimmed to its limit.
        """
        artifact = self.find()
        if artifact is None:
            for need in self.needs:
                need.make()
            artifact = artifacts.make(self.kind, self.payload, lambda folder: self.work(folder, progress))
        retention.keep_within_limit()
        return artifact


def name_stage(
    kind: str,
    title: str,
    payload: dict[str, Any],
    work: Work,
    needs: tuple[Stage, ...] = (),
    models: tuple[str, ...] = (),
) -> Stage:
    """Return a stage of the current protocol."""
    return Stage(kind, title, {"protocol": PROTOCOL, **payload}, work, needs, models)
