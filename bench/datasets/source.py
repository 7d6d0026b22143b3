"""The identity of a data set's making: the source and data files of its package."""

import hashlib
from functools import cache
from pathlib import Path

from bench.datasets import check, own, prepared
from bench.datasets.cards import EMBEDDED, HUB


@cache
def source(name: str) -> str:
    """Hash of every file beside the module that loads the data set, and of the packages that it stands on; of one of
    the hub its name there, the revision that was prepared (the pinned one before), and a hash of what reads and divides
    it; of one's own that of its samples.

    Raises UserError for an unknown name.
    """
    check(name)
    if own.is_own(name):
        return own.identity(name)
    if name in HUB:
        return f"{HUB[name].repo}@{prepared.revision(name)} {prepared.rule(name)}"
    card, root = EMBEDDED[name], Path(__file__).parent.parent.parent
    digest = hashlib.sha256()
    for name in (card.module.rpartition(".")[0], *card.stands_on):
        place = root.joinpath(*name.split("."))
        for file in sorted(place.iterdir()) if place.is_dir() else [place.with_suffix(".py")]:
            if file.suffix in {".py", ".parquet"}:
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
