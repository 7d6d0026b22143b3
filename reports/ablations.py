"""MMGuard beside its ablations and nearest rivals at the first seed: what each takes, by what the trainer knows."""

from collections.abc import Iterator

import pandas as pd

from bench.tables.knowledge import TITLES, score_entry, split_set
from reports import markdown

METHODS = ("mmguard", "mmguard_crs", "multimodal", "text_trigger", "em", "hypo")
"""MMGuard, its parts and its rivals; a recipe of one of them stands beside its default."""

LEVELS = ("plain", "K0", "K1", "K2")

COLUMNS = ("release", *(TITLES[level] for level in LEVELS), "attacks met")


def tabulate(played: pd.DataFrame) -> str:
    """Return the table from the rows of one game, columns as `COLUMNS`.

    A level that was not wholly met is empty, but for the last: its trainer has the attacks that the last column counts.
    """
    first = played[played["seed"] == played["seed"].min()]

    def rows() -> Iterator[list[str]]:
        for method in METHODS:
            for label in sorted(first.loc[first["defense"] == method, "defense_label"].unique()):
                entry = score_entry(first, label)
                last = entry.levels.get("K2") or entry.so_far
                assert last is not None  # it has met the plain attack, which is one of K2
                entry = entry._replace(levels=entry.levels | {"K2": last})
                estimates = (entry.protection(level) for level in LEVELS)
                of = len(split_set()["K2"])
                yield [
                    f"`{label}`",
                    *("" if e is None else str(e) for e in estimates),
                    f"{of - len(last.missing)} of {of}",
                ]

    return markdown.table(COLUMNS, rows())
