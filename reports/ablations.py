"""MMGuard beside its ablations and nearest rivals at the same seeds: what each takes, by what the trainer knows."""

from collections.abc import Iterator

import pandas as pd

from bench.tables.knowledge import TITLES, score_entry, split_set
from reports import levels, markdown

METHODS = ("mmguard", "mmguard_crs", "multimodal", "text_trigger", "em", "hypo")
"""MMGuard, its parts and its rivals; a recipe of one of them stands beside its default."""

SEEDS = (0, 1, 2)
"""Seeds that are compared, so that no release has more of them than another for being played more often."""

LEVELS = ("plain", "K0", "K1", "K2")

COLUMNS = ("release", *(TITLES[level] for level in LEVELS), "attacks met")


def tabulate(played: pd.DataFrame) -> str:
    """Return the table from the rows of one game, columns as `COLUMNS`.

    A level that was not wholly met is empty, but for the last: its trainer has the attacks that the last column counts.
    A release whose rows nobody has checked is left out.
    """
    compared = played[played["seed"].isin(SEEDS)]

    def rows() -> Iterator[list[str]]:
        for method in METHODS:
            for label in sorted(compared.loc[compared["defense"] == method, "defense_label"].unique()):
                entry = score_entry(compared, label)
                last = entry.levels.get("K2") or entry.so_far
                if last is None:  # nobody has checked its rows
                    continue
                entry = entry._replace(levels=entry.levels | {"K2": last})
                of = len(split_set()["K2"])
                met = f"{of - len(last.missing)} of {of}"
                yield [f"`{label}`", *(levels.cell(entry, level) for level in LEVELS), met]

    return levels.add_legend(markdown.table(COLUMNS, rows()))
