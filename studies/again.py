"""Runs of this home that are published, too, and how far from each other: python studies/again.py [FOLDER]

Played on one machine they are equal, bit for bit. Another processor rounds in another order, and what is crafted with
many steps drifts apart. FOLDER: published results, else those that the leaderboard opens with.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from bench import results
from bench.results import published
from bench.tables import data
from reports.findings import markdown


def pairs(ours: Iterable[results.Run], theirs: Iterable[results.Run]) -> pd.DataFrame:
    """One row a run that both have, and its defense; runs without a protection are left out.

    `ours`, `theirs`: its protections; `inside`: whether ours is in the interval of theirs.
    """
    here, there = (data.runs(found).dropna(subset="protection").set_index("id") for found in (ours, theirs))
    there = there.loc[there.index.intersection(here.index)]
    here = here.loc[there.index, "protection"]
    inside = here.between(there["protection_low"], there["protection_high"])
    table = pd.DataFrame({"defense": there["defense"], "ours": here, "theirs": there["protection"], "inside": inside})
    return table.sort_values("defense", kind="stable")


def table(found: pd.DataFrame) -> str:
    """One line a defense, and one for all: how many runs, how many of them equal, and ours less theirs."""

    def line(name: str, group: pd.DataFrame) -> list[str]:
        apart = group["ours"] - group["theirs"]
        counts = (len(group), (apart == 0).sum(), group["inside"].sum())
        sizes = (apart.abs().median(), apart.abs().max())
        return [name, *map(str, counts), f"{apart.mean():+.3f}", *(f"{size:.3f}" for size in sizes)]

    rows = [line(f"`{name}`", group) for name, group in found.groupby("defense", sort=False)]
    head = ("defense", "runs", "equal", "in the interval", "mean difference", "median size", "largest size")
    return markdown(head, [*rows, line("all", found)])


def main(folder: Path | None) -> None:
    """Print the table. Exits with a message where nothing can be compared."""
    found = pairs(results.load(), published.runs(folder))
    if found.empty:
        sys.exit("again: no run of this home is published; play one, e.g. with `bench suite run embedded`")
    print(table(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
