"""Print the tables of docs/results.md on the three boxes: python -m reports.boxes

`bench suite run boxes` plays the runs. The column `order` says whether white >= gray >= black: "yes" where the values
are in this order, "?" where two are not but their intervals overlap, "no" where two are not and theirs are apart.
"""

from collections.abc import Iterator
from itertools import pairwise

import pandas as pd

from bench.tables.runs import load_runs, select_comparable
from reports import markdown
from reports.results import THREATS, by_defense, protection

DEFENSES = {"em": "`em`", "em (inner_steps=0)": "`em`, no adaptation", "mmguard": "`mmguard`"}


def order(cells: list[pd.Series]) -> str:
    """Return the order of the boxes that were played; `cells` are in the order of `THREATS`."""
    reversed_pairs = [(a, b) for a, b in pairwise(cells) if a["protection"] < b["protection"]]
    if not reversed_pairs:
        return "yes"
    return "no" if any(a["high"] < b["low"] for a, b in reversed_pairs) else "?"


def protections(runs: pd.DataFrame) -> Iterator[list[str]]:
    """Yield the row of each victim and defense."""
    for victim, group in runs.groupby("victim"):
        boxes = {threat: by_defense(box) for threat, box in group.groupby("threat")}
        for label, title in DEFENSES.items():
            cells = {t: boxes[t][label] for t in THREATS if label in boxes.get(t, {})}
            texts = [protection(cells[t]) if t in cells else "" for t in THREATS]
            yield [str(victim), title, *texts, order(list(cells.values()))]


def references(runs: pd.DataFrame) -> Iterator[list[str]]:
    """Yield for each victim its accuracy on clean data, and the surrogates of its gray and black box."""
    for victim, group in runs.groupby("victim"):
        surrogates = {threat: ", ".join(box["surrogates"].unique()) for threat, box in group.groupby("threat")}
        accuracies = [f"{group[column].mean():.1%}" for column in ("utility_zero", "utility_clean")]
        yield [str(victim), *accuracies, surrogates.get("gray", ""), surrogates.get("black", "")]


def main() -> None:
    """Print both tables."""
    runs = select_comparable(load_runs())
    runs = runs[(runs["attack"] == "lora_sft") & (runs["dataset"] == "emoji_catalog") & (runs["epsilon"] == 8)]
    print(markdown.table(("victim", "defense", *THREATS, "order"), protections(runs)))
    titles = ("victim", "zero-shot", "clean fine-tune", "surrogates, gray", "surrogates, black")
    print("\n" + markdown.table(titles, references(runs)))


if __name__ == "__main__":
    main()
