"""The identity of a data set: what its samples are made from, as a string that goes into stage identities."""

import hashlib
from functools import cache
from pathlib import Path

from bench.datasets import check, hub_store, own
from bench.datasets.cards import EMBEDDED, HUB


@cache
def dataset_identity(name: str) -> str:
    """Return a string that changes whenever the samples may change. Raises UserError for an unknown name.

    Embedded: a hash of all source and Parquet files in the data set's package, and in those it depends on.
    Hub: repository, revision (the prepared one, else the pinned one) and a hash of the code that reads and divides it.
    Your own: the hash of the samples, which stands in the name.
    """
    check(name)
    if own.is_own(name):
        return own.identity(name)
    if name in HUB:
        return f"{HUB[name].repo}@{hub_store.prepared_revision(name)} {hub_store.source_hash(name)}"
    card, root = EMBEDDED[name], Path(__file__).parent.parent.parent
    digest = hashlib.sha256()
    for package in (card.module.rpartition(".")[0], *card.depends_on):
        place = root.joinpath(*package.split("."))
        for file in sorted(place.iterdir()) if place.is_dir() else [place.with_suffix(".py")]:
            if file.suffix in {".py", ".parquet"}:
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
