"""Artefacts of 0.1 MB that were last used long ago."""

import os
from pathlib import Path

import pytest

from bench.store import artifacts

SIZE = 100_000


def put(kind: str, name: str, last_use: int) -> str:
    """Make an artefact of 0.1 MB, last used so many seconds after 1970, and return its identity."""

    def work(folder: Path) -> None:
        (folder / "x.bin").write_bytes(bytes(SIZE))

    artifact = artifacts.make(kind, {"name": name}, work)
    os.utime(artifact.folder, (last_use, last_use))
    return artifact.identity


@pytest.fixture
def three(bench_home: Path) -> list[str]:
    """Make three artefacts and return their identities, the longest unused first."""
    return [put("protect", "a", 100), put("attack", "b", 200), put("protect", "c", 300)]


def identities() -> set[str]:
    """Return the identities of all finished artefacts."""
    return {identity for _, identity in artifacts.list_finished()}
