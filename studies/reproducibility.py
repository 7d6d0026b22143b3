"""Compare the runs of this home with published ones: python -m studies.reproducibility [FOLDER]

On one machine a run repeats bit for bit. Another processor rounds in another order, so what is crafted with many steps
drifts apart. FOLDER has the published results; by default they are those that the leaderboard opens with.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from bench import results
from bench.results import published
from bench.tables.runs import tabulate_runs
from reports import markdown


def pair_runs(ours: Iterable[results.Run], theirs: Iterable[results.Run]) -> pd.DataFrame:
    """Return one row for each run that both have and that has a protection.

    Columns: `defense`; the protections `ours` and `theirs`; `inside`, whether ours is in the interval of theirs.
    """
    here, there = (tabulate_runs(runs).dropna(subset="protection").set_index("id") for runs in (ours, theirs))
    there = there.loc[there.index.intersection(here.index)]
    protection = here.loc[there.index, "protection"]
    inside = protection.between(there["protection_low"], there["protection_high"])
    columns = {"defense": there["defense"], "ours": protection, "theirs": there["protection"], "inside": inside}
    return pd.DataFrame(columns).sort_values("defense", kind="stable")


def difference_table(pairs: pd.DataFrame) -> str:
    """Return a line for each defense and one for all: how many runs are equal, and ours minus theirs."""

    def line(title: str, group: pd.DataFrame) -> list[str]:
        difference = group["ours"] - group["theirs"]
        counts = (len(group), (difference == 0).sum(), group["inside"].sum())
        sizes = (difference.abs().median(), difference.abs().max())
        return [title, *map(str, counts), f"{difference.mean():+.3f}", *(f"{size:.3f}" for size in sizes)]

    titles = ("defense", "runs", "equal", "in the interval", "mean difference", "median size", "largest size")
    rows = [line(f"`{name}`", group) for name, group in pairs.groupby("defense", sort=False)]
    return markdown.table(titles, [*rows, line("all", pairs)])


def main(folder: Path | None) -> None:
    """Print the table. Exits with a message where nothing can be compared."""
    pairs = pair_runs(results.load(), published.load_runs(folder))
    if pairs.empty:
        sys.exit("reproducibility: no run of this home is published; play one, e.g. with `bench suite run embedded`")
    print(difference_table(pairs))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
