"""Print the tables of docs/results.md on victims and protection: python -m reports.results [VICTIM]"""

import sys
from collections.abc import Iterator

import pandas as pd

from bench.tables.cells import compute_cells
from bench.tables.runs import load_runs, select_comparable
from reports import markdown

Boxes = dict[str, dict[str, pd.Series]]

THREATS = ("white", "gray", "black")
FIRST = ("random_noise", "random_trigger", "em", "text_trigger", "multimodal", "mmguard")
"""The first defenses of a table, in this order; the others follow by name."""


def protection(cell: pd.Series) -> str:
    """Return the protection of a cell with its interval, and the number of seeds where it is more than one."""
    seeds = f", {cell['seeds']} seeds" if cell["seeds"] > 1 else ""
    return markdown.interval(cell[["protection", "low", "high"]]) + seeds


def by_defense(runs: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the cell of each defense, by its label; the runs are of one attack in one box."""
    return {cell["defense_label"]: cell for _, cell in compute_cells(runs).iterrows()}


def references(runs: pd.DataFrame) -> str:
    """Return the accuracy of each victim before and after fine-tuning on clean data."""

    def rows() -> Iterator[list[str]]:
        for (victim, seed), group in runs.groupby(["victim", "seed"]):
            zero, clean = group["utility_zero"].iloc[0], group["utility_clean"].iloc[0]
            yield [str(victim), str(seed), f"{zero:.1%}", f"{clean:.1%}", f"{100 * (clean - zero):.1f} points"]

    return markdown.table(("victim", "seed", "zero-shot", "clean fine-tune", "gain"), rows())


def control(runs: pd.DataFrame) -> str:
    """Return the protection of random noise on each victim, which should be 0."""
    victims = runs[runs["defense"] == "random_noise"].groupby("victim")
    rows = ([str(victim), protection(compute_cells(group).iloc[0])] for victim, group in victims)
    return markdown.table(("victim", "protection of `random_noise`"), rows)


def three_boxes(boxes: Boxes, defenses: list[str]) -> str:
    """Return the protection of each defense in each box."""

    def row(name: str) -> list[str]:
        return [f"`{name}`", *(protection(box[name]) if name in box else "" for box in boxes.values())]

    return markdown.table(("defense", *boxes), map(row, defenses))


def stealth(white: dict[str, pd.Series], defenses: list[str]) -> str:
    """Return the accuracy under each defense in the white box, and how visible its release is."""

    def rows() -> Iterator[list[str]]:
        for name, cell in ((name, white[name]) for name in defenses if name in white):
            psnr = "" if pd.isna(cell["stealth_psnr"]) else f"{cell['stealth_psnr']:.1f} dB"
            linf, words = f"{cell['stealth_linf']:.0f}", f"{cell['stealth_words']:.0f}"
            yield [f"`{name}`", f"{cell['utility']:.1%}", linf, psnr, f"{cell['stealth_ssim']:.3f}", words]

    return markdown.table(("defense", "accuracy", "L∞", "PSNR", "SSIM", "words"), rows())


def main(victim: str) -> None:
    """Print references and control of every victim, then protection and stealth on one victim."""
    runs = select_comparable(load_runs())
    runs = runs[(runs["attack"] == "lora_sft") & (runs["dataset"] == "emoji_catalog")]
    runs = runs[(runs["epsilon"] == 8) & (runs["defense_label"] == runs["defense"])]
    on_victim = runs[runs["victim"] == victim]
    boxes = {threat: by_defense(on_victim[on_victim["threat"] == threat]) for threat in THREATS}
    played = set(on_victim["defense"])
    defenses = [name for name in FIRST if name in played] + sorted(played - set(FIRST))
    tables = (references(runs), control(runs), victim, three_boxes(boxes, defenses), stealth(boxes["white"], defenses))
    print("\n\n".join(tables))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
