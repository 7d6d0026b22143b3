"""The tables of docs/results.md, in Markdown, from the results at hand: python reports/tables.py [VICTIM]"""

import sys

import pandas as pd

from bench.tables import data
from reports.findings import told

THREATS = ("white", "gray", "black")
ORDER = ("random_noise", "random_trigger", "em", "text_trigger", "multimodal", "mmguard")
"""Defenses in the order of the rows; the others follow by name."""


def score(cell: pd.Series) -> str:
    """Protection with its interval; the number of seeds where there are several."""
    seeds = f", {cell['seeds']} seeds" if cell["seeds"] > 1 else ""
    return told(cell["protection"], cell["low"], cell["high"]) + seeds


def main(victim: str) -> None:
    """Print references, then protection in the three boxes, then accuracy and stealth in the white box."""
    runs = data.comparable(data.runs())
    runs = runs[(runs["attack"] == "lora_sft") & (runs["dataset"] == "emoji_catalog")]
    runs = runs[(runs["epsilon"] == 8) & (runs["defense_label"] == runs["defense"])]
    print("| victim | seed | zero-shot | clean fine-tune | gain |\n|---|---|---|---|---|")
    for (name, seed), group in runs.groupby(["victim", "seed"]):
        zero, clean = group["utility_zero"].iloc[0], group["utility_clean"].iloc[0]
        print(f"| {name} | {seed} | {zero:.1%} | {clean:.1%} | {100 * (clean - zero):.1f} points |")

    noise = runs[runs["defense"] == "random_noise"]
    print("\n| victim | protection of `random_noise` |\n|---|---|")
    for name, group in noise.groupby("victim"):
        print(f"| {name} | {score(data.cells(group).iloc[0])} |")

    boxes = {t: data.cells(runs[(runs["victim"] == victim) & (runs["threat"] == t)]) for t in THREATS}
    boxes = {threat: table.set_index("defense") for threat, table in boxes.items()}
    names = {name for table in boxes.values() for name in table.index}
    rows = [n for n in ORDER if n in names] + sorted(names - set(ORDER))
    print(f"\n{victim}\n\n| defense | white | gray | black |\n|---|---|---|---|")
    for name in rows:
        cells = [score(table.loc[name]) if name in table.index else "" for table in boxes.values()]
        print(f"| `{name}` | " + " | ".join(cells) + " |")

    print("\n| defense | accuracy | L∞ | PSNR | SSIM | words |\n|---|---|---|---|---|---|")
    for name, cell in boxes["white"].reindex(rows).iterrows():
        psnr = "" if pd.isna(cell["stealth_psnr"]) else f"{cell['stealth_psnr']:.1f} dB"
        stealth = f"{cell['stealth_linf']:.0f} | {psnr} | {cell['stealth_ssim']:.3f} | {cell['stealth_words']:.0f}"
        print(f"| `{name}` | {cell['utility']:.1%} | {stealth} |")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
