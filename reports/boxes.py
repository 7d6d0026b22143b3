"""Protection in the three boxes on every victim that was played, in Markdown: python reports/boxes.py

The runs are those of `bench suite run boxes`. `order` says whether white >= gray >= black: "yes" where values are so,
"?" where two are out of order and their intervals overlap, "no" where they do not overlap.
"""

from itertools import pairwise

import pandas as pd

from bench.tables import data
from reports.tables import THREATS, score

DEFENSES = {"em": "`em`", "em (inner_steps=0)": "`em`, no adaptation", "mmguard": "`mmguard`"}


def order(cells: list[pd.Series]) -> str:
    """Of the boxes that were played, in the order of THREATS."""
    worse = [(a, b) for a, b in pairwise(cells) if a["protection"] < b["protection"]]
    if not worse:
        return "yes"
    return "no" if any(a["high"] < b["low"] for a, b in worse) else "?"


def main() -> None:
    """Print one row a victim and defense, then the references and who the surrogates were."""
    runs = data.comparable(data.runs())
    runs = runs[(runs["attack"] == "lora_sft") & (runs["dataset"] == "emoji_catalog") & (runs["epsilon"] == 8)]
    print("| victim | defense | white | gray | black | order |\n|---|---|---|---|---|---|")
    for victim, own in runs.groupby("victim"):
        boxes = {t: data.cells(g).set_index("defense_label") for t, g in own.groupby("threat")}
        for label, shown in DEFENSES.items():
            found = {t: boxes[t].loc[label] for t in THREATS if t in boxes and label in boxes[t].index}
            texts = [score(found[t]) if t in found else "" for t in THREATS]
            print(f"| {victim} | {shown} | {' | '.join(texts)} | {order(list(found.values()))} |")
    print("\n| victim | zero-shot | clean fine-tune | surrogates, gray | surrogates, black |\n|---|---|---|---|---|")
    for victim, own in runs.groupby("victim"):
        who = {t: ", ".join(g["surrogates"].unique()) for t, g in own.groupby("threat")}
        ends = f"{own['utility_zero'].mean():.1%} | {own['utility_clean'].mean():.1%}"
        print(f"| {victim} | {ends} | {who.get('gray', '')} | {who.get('black', '')} |")


if __name__ == "__main__":
    main()
