"""The identity of a data set's making: the source and data files of its package."""

import hashlib
from functools import cache
from pathlib import Path

from bench.datasets import check
from bench.datasets.cards import EMBEDDED
from bench.published import DATASETS


@cache
def source(name: str) -> str:
    """Hash of every file beside the module that loads the data set; of a published one its hub name.

    Raises UserError for an unknown name.
    """
    check(name)
    if name in DATASETS:
        return DATASETS[name]
    folder = Path(__file__).parent.parent.parent.joinpath(*EMBEDDED[name].module.split(".")[:-1])
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in {".py", ".parquet"}:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
